import type { DrillStatus, Task } from '../protocol/index.ts';
import type { TaskRunner } from '../tasks/runner.ts';
import type { StoredPair } from './store.ts';

export interface DrillOrder {
  id: string;
  by: string;
  standS: number;
  /** Of a copy that is kept by points: the one to try; without: the newest. */
  point?: string | null;
}

/** Trials of the copies on this host, as the other pair rooms meet them. */
export interface Drilling {
  /** Their own journal: a trial that runs keeps no other order of its pair waiting. */
  readonly tasks: TaskRunner;
  /** This host is about to run a machine in earnest: every trial here makes way at once. Waits for nothing. */
  giveWay(): void;
  /** Ends this pair's trial, when one runs, and resolves once nothing of it is left. */
  end(pairId: string): Promise<void>;
  status(pair: StoredPair): DrillStatus;
  order(pairId: string, order: DrillOrder): Promise<Task>;
  /** Looks at the timetable; about once a minute. */
  tick(): Promise<void>;
}
