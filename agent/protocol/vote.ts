import * as v from 'valibot';
import { Epoch, PairRecord } from './pair.ts';

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

/** A record and the ballot it was accepted or chosen in. */
export const Versioned = v.object({ ballot: Ballot, record: PairRecord });
export type Versioned = v.InferOutput<typeof Versioned>;
