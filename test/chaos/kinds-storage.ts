import { SAN, sayOfArray } from '../lab/coordinated/attended.ts';
import { isPoweredOn } from '../lab/host.ts';
import type { Kind, Scene, Undo } from './scene.ts';

/** What happens to storage that somebody else keeps. */

const IS_HIDDEN = `[ "$(stat -f -c %T ${SAN})" = tmpfs ]`;

/** One host loses its way to it: what is not open already is not there. */
async function hide(scene: Scene, host: string): Promise<Undo | null> {
  const hidden = await scene.run(host, 'sh', '-c', `${IS_HIDDEN} || mount -t tmpfs none ${SAN}`);
  if (hidden.code !== 0) return null;
  return async () => {
    const shown = await scene.run(host, 'sh', '-c', `! ${IS_HIDDEN} || umount ${SAN}`);
    // Its mounts went with its power, and it comes back without them.
    if (shown.code !== 0 && (await isPoweredOn(scene.fleet.lab.places, host)))
      throw new Error(`the storage is not back on ${host}: ${shown.stderr.trim()}`);
  };
}

const SAYINGS = ['broken: the link was given up', 'behind 5 seconds'];

/** The replication says that the copy is not good. */
async function misbehave(scene: Scene, host: string, saying: string): Promise<Undo> {
  const { lab } = scene.fleet;
  await sayOfArray(lab, host, saying);
  return () => sayOfArray(lab, host, 'in-sync');
}

export const STORAGE_KINDS: Kind[] = [
  {
    name: 'storage-lost',
    weight: 4,
    holdMs: [500, 10_000],
    async strike(scene, { machine, owner, standby }, random) {
      const host = random.pick([owner, standby, standby]);
      const [saying, speaks] = [random.pick(SAYINGS), random.chance(0.5)];
      const keeper = scene.fleet.plan.attended?.[machine];
      if (keeper === undefined) return null;
      return keeper === 'external' && speaks ? misbehave(scene, host, saying) : hide(scene, host);
    },
  },
];
