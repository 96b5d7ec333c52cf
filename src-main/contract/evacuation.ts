import * as v from 'valibot';
import { HostId, PairId, Problem } from '../../agent/protocol/index.ts';

/** `away`: what runs on the host moves to its standbys. `home`: what was protected there comes back. */
export const EvacuationKind = v.picklist(['away', 'home']);
export type EvacuationKind = v.InferOutput<typeof EvacuationKind>;

/** A machine that could be moved, before anything is ordered. */
export const EvacuationCandidate = v.object({
  pairId: PairId,
  name: v.string(),
  to: HostId,
  /** Why it cannot move at all now; null when it can. */
  obstacle: v.nullable(v.string()),
  /** It can move while it runs; otherwise it is shut down and started. */
  live: v.boolean(),
  /** Why it would have to be shut down; null when live. */
  whyCold: v.nullable(v.string()),
});
export type EvacuationCandidate = v.InferOutput<typeof EvacuationCandidate>;

export const EvacuationPlan = v.object({
  /** Those that fail over by themselves first, then by name. */
  candidates: v.array(EvacuationCandidate),
  /** Names of the machines on the host that have no copy anywhere, and stay. */
  unprotected: v.array(v.string()),
});
export type EvacuationPlan = v.InferOutput<typeof EvacuationPlan>;

export const EvacuationItem = v.object({
  pairId: PairId,
  name: v.string(),
  to: HostId,
  state: v.picklist(['waiting', 'moving', 'moved', 'stays']),
  taskId: v.nullable(v.string()),
  /** Why it stays. */
  problem: v.nullable(Problem),
});
export type EvacuationItem = v.InferOutput<typeof EvacuationItem>;

/** Many switchovers of one host, in order, a few at a time; afterwards its report. */
export const Evacuation = v.object({
  id: v.string(),
  hostId: HostId,
  kind: EvacuationKind,
  startedAt: v.number(),
  endedAt: v.nullable(v.number()),
  /** A person stopped it: what waited then stays. */
  stopped: v.boolean(),
  items: v.array(EvacuationItem),
});
export type Evacuation = v.InferOutput<typeof Evacuation>;
