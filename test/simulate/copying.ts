import type { Host } from './host.ts';
import type { World } from './world.ts';

/** A full copy to the other host; the mirror is whole when it ends without a break. */
export function copyAll(world: World, host: Host): void {
  if (host.mirror !== 'off' || !world.reaches(host)) return;
  const other = world.other(host);
  host.mirror = 'copying';
  host.mirrorTo = other.id;
  host.copies += 1;
  const { copies } = host;
  // Partial from here on, and compared: what was lost of it before counts no more.
  other.whole = false;
  other.unclean = false;
  const step = (left: number): void => {
    if (host.mirror !== 'copying' || host.copies !== copies) return;
    if (!world.replicates(host)) {
      host.mirror = 'off';
      host.tellAgent();
    } else if (left > 0) world.kernel.after(200, () => step(left - 1));
    else {
      other.image = host.image;
      if (!world.inMemory) other.flushed = other.image;
      other.whole = true;
      host.mirror = 'active';
      host.tellAgent();
    }
  };
  step(Math.floor(world.random.between(3, 12)));
}
