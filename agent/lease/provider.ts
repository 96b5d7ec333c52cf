import type { Result } from '../protocol/index.ts';
import type { LeaseRecord } from './record.ts';
import type { Change } from './transitions.ts';

/** What a pair's agent learns from its provider. */
export type ProviderEvent =
  /** A newer chosen record. */
  | { kind: 'record'; record: LeaseRecord }
  /** The lease was obtained or renewed; `untilMs` on this host's boot-time clock. */
  | { kind: 'lease'; untilMs: number; candidate: boolean };

/**
 * Where a pair's record and lease live. The voters of this folder are one; an existing engine (etcd: a transaction on
 * the key's revision, and a lease kept alive) could be a second. `provider.kit.ts` says what any of them must keep:
 *
 * - `swap` is one compare-and-swap. `unknown` counts as not done for what it would permit and as done for what it
 *   would forbid, until `read`.
 * - A lease's end is counted from before its request was sent, on the asking host's clock, and nobody else is granted
 *   one until that end, the guard's bound and the clocks' drift have passed.
 * - Only the recorded owner gets the owner's lease; only the standby of an armed, begun, in-sync record a candidate's.
 */
export interface LeaseProvider {
  /** The record as of now, from a majority. */
  read(): Promise<Result<LeaseRecord>>;
  swap(change: Change): Promise<SwapOutcome>;
  /** Asks once; the answer is an event, or nothing. */
  askLease(candidate: boolean): void;
  subscribe(listener: (event: ProviderEvent) => void): () => void;
}

export type SwapOutcome =
  | { kind: 'done'; record: LeaseRecord }
  | { kind: 'refused'; reason: string }
  | { kind: 'unreachable' }
  | { kind: 'unknown' };
