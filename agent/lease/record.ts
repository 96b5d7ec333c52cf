import * as v from 'valibot';
import { compareEpoch, Epoch, HostId, PairRecord } from '../protocol/index.ts';

/**
 * The register's value: the pair's record of docs/safety.md and who votes on it.
 * Everything a voter needs to decide is in it, so every message carries it whole (rule *gossip*).
 */
export const LeaseRecord = v.object({
  ...PairRecord.entries,
  members: v.tuple([HostId, HostId]),
  /** Who votes in configuration `config`: the two members and the witness. */
  voters: v.pipe(v.array(HostId), v.minLength(2), v.maxLength(3)),
  /** How the present epoch came about; only `takeover` needs a live lease at the voters (coupling). */
  change: v.picklist(['created', 'takeover', 'hand-over', 'take-back', 'forced']),
  /** Owner before this epoch, who may take back while `begun` is false; null when nobody may. */
  former: v.nullable(HostId),
  /** *Pause all automation*, as it reaches this pair. */
  paused: v.boolean(),
});
export type LeaseRecord = v.InferOutput<typeof LeaseRecord>;

/**
 * CASPaxos ballot (Rystsov, "CASPaxos: Replicated State Machines without logs", 2018, section 2.2) with the epoch of
 * the last *forced* change in front: what a person forced without a majority outranks every ballot of the history it
 * overrode (rule *forced failover*), and within one history plain Paxos order holds.
 */
export const Ballot = v.object({
  force: Epoch,
  round: v.pipe(v.number(), v.integer(), v.minValue(0)),
  node: v.string(),
});
export type Ballot = v.InferOutput<typeof Ballot>;

/** A value and the ballot it was accepted or chosen in. */
export const Versioned = v.object({ ballot: Ballot, record: LeaseRecord });
export type Versioned = v.InferOutput<typeof Versioned>;

export const NO_EPOCH: Epoch = { n: 0, by: '' };
export const NO_BALLOT: Ballot = { force: NO_EPOCH, round: 0, node: '' };

/** Negative when `a` is lower: forced epoch, then round, then node. */
export function compareBallot(a: Ballot, b: Ballot): number {
  const byForce = compareEpoch(a.force, b.force);
  if (byForce !== 0) return byForce;
  if (a.round !== b.round) return a.round - b.round;
  return a.node < b.node ? -1 : a.node > b.node ? 1 : 0;
}

export const higher = (a: Ballot, b: Ballot): Ballot => (compareBallot(a, b) >= 0 ? a : b);

/** The one with the higher ballot; null only when both are. */
export function newest(a: Versioned | null, b: Versioned | null): Versioned | null {
  if (a === null || b === null) return a ?? b;
  return compareBallot(a.ballot, b.ballot) >= 0 ? a : b;
}

export const majority = (voters: readonly string[]): number => Math.floor(voters.length / 2) + 1;

/** The other member; null when `self` is no member. */
export function otherMember(record: LeaseRecord, self: string): string | null {
  const [a, b] = record.members;
  return self === a ? b : self === b ? a : null;
}
