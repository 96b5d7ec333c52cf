import type { Host } from './host.ts';
import type { World } from './world.ts';

/** A full copy to the other host; the mirror is whole when it ends without a break. */
export function copyAll(world: World, host: Host): void {
  if (host.mirror !== 'off' || !world.replicates(host)) return;
  const other = world.other(host);
  if (world.shared) {
    // Nothing to copy: the other host has just proved that it reaches the same disks.
    host.mirror = 'active';
    host.mirrorTo = other.id;
    host.tellAgent();
    return;
  }
  host.mirror = 'copying';
  host.mirrorTo = other.id;
  host.copies += 1;
  const { copies } = host;
  other.whole = false;
  const step = (left: number): void => {
    if (host.mirror !== 'copying' || host.copies !== copies) return;
    if (!world.replicates(host)) {
      host.mirror = 'off';
      host.tellAgent();
    } else if (left > 0) world.kernel.after(200, () => step(left - 1));
    else {
      other.image = host.image;
      other.whole = true;
      host.mirror = 'active';
      host.tellAgent();
    }
  };
  step(Math.floor(world.random.between(3, 12)));
}
