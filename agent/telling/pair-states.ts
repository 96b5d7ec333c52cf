import type { PairStatus } from '../protocol/index.ts';
import type { World } from './condition.ts';

/** Ways of keeping a copy that has every write. */
const ENTIRE = ['sync', 'shared', 'external-sync'];
/** Orders that make a copy: nobody needs to be told that it is not whole meanwhile. */
const COPIES = ['protect', 'resync', 'replace-standby', 'mode', 'switchover', 'revert', 'failover'];
const DAY_MS = 86_400_000;

/** Its copy is as current as its way of keeping it promises. */
export function isProtected({ record, mirror }: PairStatus): boolean {
  const { mode, state } = record.replica;
  if (ENTIRE.includes(mode)) return state === 'in-sync';
  return state === 'stale' && mirror?.state === 'following' && mirror.follow?.alarm !== 'missed';
}

export const loosesNothing = ({ record }: PairStatus): boolean => ENTIRE.includes(record.replica.mode);

/** A copy is on its way to be whole again. */
export function isBeingCopied({ spec, mirror }: PairStatus, tasks: World['tasks']): boolean {
  if (mirror?.state === 'copying') return true;
  return tasks.some(
    ({ pairId, state, kind }) => pairId === spec.pairId && state === 'running' && COPIES.includes(kind),
  );
}

export const underMaintenance = ({ record }: PairStatus, now: number): boolean =>
  record.maintenance !== null && record.maintenance.until > now;

/** The id of the story of this owner's epoch. */
export const storyOf = ({ record, spec }: PairStatus): string =>
  `elsewhere:${spec.pairId}:${record.epoch.n}${record.epoch.by ? `-${record.epoch.by}` : ''}`;

/**
 * It came here because its host was lost (not moved by an order), and the time since is one story until it is protected.
 * Its beginning is known by the copy being none yet: a later loss of protection in the same epoch is another story.
 */
export function cameHere(status: PairStatus, world: World): boolean {
  const { change, begun, replica } = status.record;
  if (!begun || (change !== 'takeover' && change !== 'forced') || isProtected(status)) return false;
  if (world.open.has(storyOf(status))) return true;
  return replica.state === 'none' && world.now - replica.since < DAY_MS;
}

export const otherOf = ({ spec }: PairStatus, self: string): string =>
  spec.members[0] === self ? spec.members[1] : spec.members[0];
