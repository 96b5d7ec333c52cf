import { auditOf } from '../lab/audit-file.ts';
import { waitFor } from '../lab/run.ts';
import type { Random } from '../simulate/random.ts';
import { HOST_KINDS } from './kinds-host.ts';
import { MODE_KINDS } from './kinds-mode.ts';
import { NETWORK_KINDS } from './kinds-network.ts';
import { PROCESS_KINDS } from './kinds-process.ts';
import { STORAGE_KINDS } from './kinds-storage.ts';
import type { Kind, Roles, Scene, Undo } from './scene.ts';

/** A second fault in the middle of a failover, sprung by what an agent writes into its history. */

/** How the first one is brought about, and how long one waits for an agent to act on it, ms. */
const FIRST = ['power-owner', 'cut-owner', 'freeze-owner', 'qemu-kill'];
const PATIENCE_MS = 12_000;
/** In the middle: what is written about the pair while it changes hands, or the machine is started again. */
const IN_THE_MIDDLE =
  /^(candidate|take-over|take-back|export-closing|guest-start|guest-started|begun|guest-continues|stale|vm-stopped)$/;

/** Once somebody acts: what befalls him. `standby` of the first fault is who acts. */
const SECOND = [
  'power-owner',
  'agent-kill',
  'cut-owner',
  'power-witness',
  'qemu-kill',
  'guard-kill',
  'freeze-owner',
];

const KINDS = [...HOST_KINDS, ...NETWORK_KINDS, ...PROCESS_KINDS];

function kind(name: string): Kind {
  const found = KINDS.find((each) => each.name === name);
  if (!found) throw new Error(`no kind ${name}`);
  return found;
}

async function untilActed(scene: Scene, { machine, owner, standby }: Roles, since: number): Promise<boolean> {
  const pairId = scene.fleet.pairId(machine);
  const acted = (): boolean =>
    [standby, owner].some((host) =>
      auditOf(scene.fleet.lab, host).some(
        (entry) => entry.at >= since && entry.pairId === pairId && IN_THE_MIDDLE.test(entry.event),
      ),
    );
  return waitFor('an agent to act', PATIENCE_MS, acted, 25).catch(() => false);
}

async function strike(scene: Scene, roles: Roles, random: Random): Promise<Undo | null> {
  const [first, second] = [random.pick(FIRST), random.pick(SECOND)];
  const began = Date.now();
  const undoFirst = await kind(first).strike(scene, roles, random);
  if (!undoFirst) return null;
  scene.count(first);
  const acted = await untilActed(scene, roles, began);
  // Who acts now is who was the standby, unless the machine was to be restarted where it was.
  const turned = first === 'qemu-kill' ? roles : { ...roles, owner: roles.standby, standby: roles.owner };
  const undoSecond = acted ? await kind(second).strike(scene, turned, random) : null;
  if (undoSecond) scene.count(second);
  scene.say(`ambush: ${first}, then ${undoSecond ? second : 'nothing'} after ${Date.now() - began} ms`);
  return async () => {
    const undos = random.chance(0.5) ? [undoFirst, undoSecond] : [undoSecond, undoFirst];
    for (const undo of undos) await undo?.();
  };
}

const AMBUSH: Kind = { name: 'ambush', weight: 5, holdMs: [500, 6_000], strike };

export const ALL_KINDS: Kind[] = [...KINDS, ...MODE_KINDS, AMBUSH, ...STORAGE_KINDS];

/** Without machines whose storage somebody else keeps: the seeds of old runs give the same faults still. */
export const kindsFor = (attended: number): Kind[] =>
  attended > 0 ? ALL_KINDS : ALL_KINDS.filter((kind) => !STORAGE_KINDS.includes(kind));
