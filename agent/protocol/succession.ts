import type { PairRecord } from './pair.ts';

/**
 * What a pair's record alone decides about who may follow its owner: pure, so that agents act by it and a console can say
 * beforehand what they would do. The rules around it (leases, votes, clocks) are agent/lease.
 */
type Kept = Pick<PairRecord, 'replica'>;

/** The two rules of docs/safety.md in it that the simulator takes away to see whether it finds the harm. */
export interface SuccessionRules {
  needArmed: boolean;
  needInSync: boolean;
}
export const ALL_RULES: SuccessionRules = { needArmed: true, needInSync: true };

export const majority = (voters: readonly string[]): number => Math.floor(voters.length / 2) + 1;

/** The other member; null when `self` is no member. */
export function otherMember({ members: [a, b] }: Pick<PairRecord, 'members'>, self: string): string | null {
  return self === a ? b : self === b ? a : null;
}

export const isAutomatic = (record: Pick<PairRecord, 'policy' | 'paused' | 'maintenance'>): boolean =>
  record.policy === 'automatic' && !record.paused && record.maintenance === null;

/** Nothing that was acknowledged is missing on a copy of this kind, when it is what it should be. */
export const countsAsWhole = ({ replica: { mode } }: Kept): boolean =>
  mode === 'sync' || mode === 'shared' || mode === 'external-sync';

/** The copy is a row of complete states, each older than the machine. */
export const isKeptByPoints = ({ replica: { mode } }: Kept): boolean =>
  mode === 'interval' || mode === 'async';

/**
 * A drill was passed once, or somebody decided to do without. One that has become stale does not take this away: a pair
 * that lost its armed state by a fault must get it back by itself.
 */
export const isTriedOut = ({ drill }: Pick<PairRecord, 'drill'>): boolean =>
  drill === undefined || drill.passed !== null || drill.waived !== null;

/** What the record itself must say before it is armed. A pair without a witness never is: manual failover only. */
export function mayArm(record: PairRecord): boolean {
  return (
    isAutomatic(record) &&
    record.begun &&
    countsAsWhole(record) &&
    record.replica.state === 'in-sync' &&
    record.voters.length === 3 &&
    isTriedOut(record)
  );
}

/** Why `self` may not take this pair over by itself; null when it may (rules *unarmed has no successor*, *in-sync*). */
export function noSuccession(record: PairRecord, self: string, rules: SuccessionRules): string | null {
  if (otherMember(record, self) !== record.owner) return 'not-the-standby';
  if (rules.needArmed && !record.armed) return 'unarmed';
  if (!record.begun) return 'not-begun';
  if (rules.needInSync && record.replica.state !== 'in-sync') return 'not-in-sync';
  return null;
}

/** Why this host's copy does not count whatever the record says; null when it does (rule *unclean*). A person may override it. */
export function notTheCopy(
  record: Pick<PairRecord, 'change'>,
  unclean: boolean,
  rules: { needClean: boolean },
): string | null {
  return rules.needClean && unclean && record.change !== 'forced' ? 'unclean' : null;
}

/** What is known of a copy that somebody may want to start. */
export interface CopyKnown {
  /** As its own host holds the record; null when it gave none. */
  record: Kept | null;
  /** The newest any member showed. */
  newest: Kept | null;
  /** It is half-made, with a whole one to go back to. */
  hasPoint: boolean;
  /** Complete states that can be started. */
  restorePoints: number;
}

/** A half-made copy is a mixture, and a copy that never was complete is nothing to start from. */
export function canBeStarted({ record, newest, hasPoint, restorePoints }: CopyKnown): boolean {
  if (newest && isKeptByPoints(newest)) return restorePoints > 0;
  // Unless a whole one is kept of it.
  if (hasPoint && record) return true;
  return [record, newest].every(
    (each) => each?.replica.state === 'in-sync' || each?.replica.state === 'stale',
  );
}
