import type { Problem, Result } from '../../../agent/protocol/problem.ts';
import type { TaskView } from '../../../src-main/contract/index.ts';
import { requestId } from '../../lib/ids.ts';
import { session } from '../../lib/session.svelte.ts';

/** One order from click to end: sent once, then followed by its task. */
export class Order {
  busy = $state(false);
  problem = $state<Problem | null>(null);
  taskId = $state<string | null>(null);
  /** Wall clock (ms) of the click, and of the moment the task was seen to end. */
  clickedAt = $state(0);
  endedAt = $state(0);
  #id = requestId();

  view(): TaskView | null {
    return this.taskId === null ? null : (session.fleet.tasks[this.taskId] ?? null);
  }

  /** Picks up an order given earlier (reloaded window, another console). */
  follow(view: TaskView | null): void {
    if (this.taskId !== null || view === null) return;
    this.taskId = view.task.id;
    this.clickedAt = view.task.startedAt;
  }

  async give(send: (id: string) => Promise<Result<{ taskId: string }>>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    this.clickedAt = Date.now();
    const given = await send(this.#id);
    this.busy = false;
    if (given.ok) this.taskId = given.value.taskId;
    else {
      this.problem = given.problem;
      this.#id = requestId();
    }
  }

  watch(): void {
    const state = this.view()?.task.state;
    if (state && state !== 'running' && this.endedAt === 0) this.endedAt = Date.now();
  }
}
