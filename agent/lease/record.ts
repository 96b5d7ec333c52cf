import * as v from 'valibot';
import { compareEpoch, Epoch, PairRecord } from '../protocol/index.ts';

/**
 * The register's value: the pair's record of docs/safety.md, which also says who votes on it.
 * Everything a voter needs to decide is in it, so every message carries it whole (rule *gossip*).
 */
export const LeaseRecord = PairRecord;
export type LeaseRecord = PairRecord;

/**
 * CASPaxos ballot (Rystsov, "CASPaxos: Replicated State Machines without logs", 2018, section 2.2) with the epoch of
 * the last *forced* change in front: what a person forced without a majority outranks every ballot of the history it
 * overrode (rule *forced failover*), and within one history plain Paxos order holds. `config` is the configuration whose
 * voters are asked: whatever a newer set of voters decides outranks what the older one may still write back.
 */
export const Ballot = v.object({
  force: Epoch,
  config: v.pipe(v.number(), v.integer(), v.minValue(0)),
  round: v.pipe(v.number(), v.integer(), v.minValue(0)),
  node: v.string(),
});
export type Ballot = v.InferOutput<typeof Ballot>;

/** A value and the ballot it was accepted or chosen in. */
export const Versioned = v.object({ ballot: Ballot, record: LeaseRecord });
export type Versioned = v.InferOutput<typeof Versioned>;

export const NO_EPOCH: Epoch = { n: 0, by: '' };
export const NO_BALLOT: Ballot = { force: NO_EPOCH, config: 0, round: 0, node: '' };

/** A new pair's record as every node is given it: chosen before anybody else could have proposed. */
export const founding = (record: LeaseRecord): Versioned => ({
  ballot: { force: NO_EPOCH, config: record.config, round: 1, node: record.owner },
  record,
});

/** Negative when `a` is lower: forced epoch, then configuration, then round, then node. */
export function compareBallot(a: Ballot, b: Ballot): number {
  const byForce = compareEpoch(a.force, b.force);
  if (byForce !== 0) return byForce;
  if (a.config !== b.config) return a.config - b.config;
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

/** Who hears of the pair: its voters, and a standby that has no vote. */
export const audience = (record: LeaseRecord): string[] => [
  ...new Set([...record.voters, ...record.members]),
];
