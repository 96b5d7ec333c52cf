import { Ballot, compareEpoch, type Epoch, PairRecord, Versioned } from '../protocol/index.ts';

export { majority, otherMember } from '../protocol/succession.ts';
export { Ballot, Versioned };

/**
 * The register's value: the pair's record of docs/safety.md, which also says who votes on it.
 * Everything a voter needs to decide is in it, so every message carries it whole (rule *gossip*).
 */
export const LeaseRecord = PairRecord;
export type LeaseRecord = PairRecord;

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

/** Who hears of the pair: its voters, and a standby that has no vote. */
export const audience = (record: LeaseRecord): string[] => [
  ...new Set([...record.voters, ...record.members]),
];
