import type { PairRecord, RiskHistory, RiskStatus, RtoMeasure } from '../protocol/index.ts';
import type { StoredPair } from './store.ts';

/** What a failure would cost the machines of this host, as the other pair rooms meet it. */
export interface Risking {
  load(): Promise<void>;
  /** Resolves once everything noted so far is on disk, or has failed to get there. */
  stop(): Promise<void>;
  status(pair: StoredPair): RiskStatus;
  history(pairId: string): RiskHistory;
  /** Looks at every machine of this host; asked every second, at its own pace. */
  tick(): Promise<void>;
  recordChanged(pairId: string, after: PairRecord): void;
  /** The machine runs here now; how long that took from `began` (wall clock, ms), and until it answers, is measured. */
  cameUp(pairId: string, source: RtoMeasure['source'], began: number): void;
  /** It ran on the other host `ms` after it was ordered there with a shutdown. */
  switchedOver(pairId: string, host: string, ms: number): void;
}
