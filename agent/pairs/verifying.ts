import type { Task, VerifyStatus } from '../protocol/index.ts';
import type { TaskRunner } from '../tasks/runner.ts';
import type { StoredPair } from './store.ts';

/** Comparisons of this host's machines with their copies, as the other pair rooms meet them. */
export interface Verifying {
  /** Their own journal: one that runs keeps no other order of its pair waiting. */
  readonly tasks: TaskRunner;
  /** Ends this pair's comparison, when one runs, and resolves once nothing of it is left on this host. */
  end(pairId: string): Promise<void>;
  status(pair: StoredPair): VerifyStatus;
  order(pairId: string, order: { id: string; by: string }): Promise<Task>;
  /** Looks at the timetable; about once a minute. */
  tick(): Promise<void>;
}
