import type { Problem, Result } from '../../../agent/protocol/problem.ts';
import type { TaskView } from '../../../src-main/contract/index.ts';
import { isUnanswered, OrderId } from '../../lib/order-id.ts';
import { session } from '../../lib/session.svelte.ts';

/** One order from click to end: sent once, then followed by its task. */
export class Order {
  busy = $state(false);
  /** Wall clock (ms) of the click, and of the moment the task was seen to end. */
  clickedAt = $state(0);
  endedAt = $state(0);
  #problem = $state<Problem | null>(null);
  #taskId = $state<string | null>(null);
  /** Of an order whose answer was lost; null: there is none. */
  #unanswered = $state<string | null>(null);
  readonly #id = new OrderId();

  /** A task is called by the id of its order: one whose answer was lost is found by it once the console is back. */
  get taskId(): string | null {
    if (this.#taskId !== null) return this.#taskId;
    const lost = this.#unanswered;
    return lost !== null && session.fleet.tasks[lost] ? lost : null;
  }

  get problem(): Problem | null {
    return this.taskId === null ? this.#problem : null;
  }

  view(): TaskView | null {
    return this.taskId === null ? null : (session.fleet.tasks[this.taskId] ?? null);
  }

  /** Picks up an order given earlier (reloaded window, another console). */
  follow(view: TaskView | null): void {
    if (this.taskId !== null || view === null) return;
    this.#taskId = view.task.id;
    this.clickedAt = view.task.startedAt;
  }

  /** `order`: all that is sent, but for the id. */
  async give(order: unknown, send: (id: string) => Promise<Result<{ taskId: string }>>): Promise<void> {
    if (this.busy || this.taskId !== null) return;
    const id = this.#id.of(order);
    this.busy = true;
    this.#problem = null;
    this.#unanswered = null;
    this.clickedAt = Date.now();
    const given = await send(id);
    this.busy = false;
    if (given.ok) {
      this.#taskId = given.value.taskId;
      return;
    }
    this.#problem = given.problem;
    this.#id.failed(given.problem);
    this.#unanswered = isUnanswered(given.problem) ? id : null;
  }

  watch(): void {
    const state = this.view()?.task.state;
    if (state && state !== 'running' && this.endedAt === 0) this.endedAt = Date.now();
  }
}
