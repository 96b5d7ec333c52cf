import type { Host } from './host.ts';
import type { World } from './world.ts';

/** How far apart points are begun, ms. */
const POINT_MS: [number, number] = [400, 3_000];

/** What an owner does that has no copy under way: by points, or a full one and a mirror after it. */
export function keepCopy(world: World, host: Host): void {
  if (world.attended) proven(world, host);
  else if (host.byPoints) follow(world, host);
  else copyAll(world, host);
}

/** Nothing to copy: the other host has just proved that it reaches the same disks. */
function proven(world: World, host: Host): void {
  if (begin(world, host, 'copying') === null) return;
  host.mirror = 'active';
  host.tellAgent();
}

/** A full copy to the other host; the mirror is whole when it ends without a break. */
function copyAll(world: World, host: Host): void {
  // It takes every write, but what lies there is not the same: all of it is compared anew.
  if (host.distrusts && host.mirror === 'active') host.mirror = 'off';
  const copies = begin(world, host, 'copying');
  if (copies === null) return;
  const other = world.other(host);
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
      host.distrustedIn = null;
      host.tellAgent();
    }
  };
  step(Math.floor(world.random.between(3, 12)));
}

/** One point after the other: all that was written until then is there, or nothing of it. */
function follow(world: World, host: Host): void {
  const copies = begin(world, host, 'following');
  if (copies === null) return;
  const other = world.other(host);
  // What acknowledged from memory and was lost is no ground for points.
  if (other.unclean) Object.assign(other, { whole: false, unclean: false });
  const point = (): void => {
    if (host.mirror !== 'following' || host.copies !== copies) return;
    const { image } = host;
    world.kernel.after(world.random.between(50, 400), () => {
      const whole = host.mirror === 'following' && host.copies === copies && world.replicates(host);
      if (!whole) return;
      other.image = image;
      // A point is flushed before it counts.
      other.flushed = image;
      other.whole = true;
    });
    world.kernel.after(world.random.between(...POINT_MS), point);
  };
  point();
}

function begin(world: World, host: Host, how: 'copying' | 'following'): number | null {
  if (host.mirror !== 'off' || !world.reaches(host)) return null;
  host.mirror = how;
  host.mirrorTo = world.other(host).id;
  host.copies += 1;
  return host.copies;
}
