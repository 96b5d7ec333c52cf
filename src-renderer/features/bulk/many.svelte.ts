import type { Problem, Result } from '../../../agent/protocol/problem.ts';
import type { TaskView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { OrderId } from '../../lib/order-id.ts';
import { session } from '../../lib/session.svelte.ts';

export interface ManyItem {
  key: string;
  name: string;
  state: 'waits' | 'runs' | 'done' | 'failed';
  problem: Problem | null;
}

/** Sends one; a task's id in its answer is waited for. `idOf` names what is sent, the same again when an answer was lost. */
export type Give = (
  key: string,
  idOf: (order: unknown) => string,
) => Promise<Result<{ taskId?: string } | undefined>>;

/**
 * The same order for many machines, a few at a time, each told by itself. What runs goes on when the page is left; while
 * the console is away, those that wait go on waiting.
 */
export class Many {
  items = $state<ManyItem[]>([]);
  running = $state(false);
  #stopped = false;
  #work: { atOnce: number; give: Give } | null = null;
  readonly #ids = new Map<string, OrderId>();

  get ended(): number {
    return this.items.filter(({ state }) => state === 'done' || state === 'failed').length;
  }

  get failed(): ManyItem[] {
    return this.items.filter(({ state }) => state === 'failed');
  }

  /** Those whose turn has not come are not begun. */
  stop(): void {
    this.#stopped = true;
  }

  async run(of: readonly { key: string; name: string }[], atOnce: number, give: Give): Promise<void> {
    if (this.running) return;
    this.items = of.map(({ key, name }) => ({ key, name, state: 'waits', problem: null }));
    this.#work = { atOnce, give };
    await this.#go();
  }

  /** Once more for those that failed. */
  async again(): Promise<void> {
    if (this.running) return;
    for (const item of this.failed) Object.assign(item, { state: 'waits', problem: null });
    await this.#go();
  }

  /** Nothing was begun: what it was about is chosen anew. */
  clear(): void {
    if (!this.running) this.items = [];
  }

  async #go(): Promise<void> {
    const work = this.#work;
    if (work === null) return;
    this.#stopped = false;
    this.running = true;
    const one = async (): Promise<void> => {
      for (;;) {
        await linked();
        const item = this.#next();
        if (!item) return;
        await this.#one(item, work.give);
      }
    };
    await Promise.all(Array.from({ length: work.atOnce }, one));
    this.running = false;
  }

  #next(): ManyItem | undefined {
    return this.#stopped ? undefined : this.items.find(({ state }) => state === 'waits');
  }

  async #one(item: ManyItem, give: Give): Promise<void> {
    item.state = 'runs';
    const id = this.#ids.get(item.key) ?? new OrderId();
    this.#ids.set(item.key, id);
    const given = await give(item.key, (order) => id.of(order));
    if (given.ok) this.#ids.delete(item.key);
    else id.failed(given.problem);
    const taskId = given.ok ? given.value?.taskId : undefined;
    const task = taskId === undefined ? null : await ended(taskId);
    const unknown = taskId !== undefined && task === null;
    item.problem = given.ok ? (unknown ? m.bulk.unknown : (task?.task.problem ?? null)) : given.problem;
    item.state = given.ok && !unknown && (task === null || task.task.state === 'done') ? 'done' : 'failed';
  }
}

/** Resolves when the fleet tells that the task has ended. Null: the host that had it answers, and knows it no more. */
function ended(taskId: string): Promise<TaskView | null> {
  return new Promise((resolve) => {
    let on: string | null = null;
    const close = $effect.root(() => {
      $effect(() => {
        const view = session.fleet.tasks[taskId];
        if (view) on = view.hostId;
        // A console that was started anew knows it again once its host has answered.
        const heard = on !== null && session.fleet.hosts[on]?.connection.state === 'online';
        if (view ? view.task.state === 'running' : !heard) return;
        resolve(view ?? null);
        queueMicrotask(() => close());
      });
    });
  });
}

/** Resolves when the console is there. */
function linked(): Promise<void> {
  return new Promise((resolve) => {
    const close = $effect.root(() => {
      $effect(() => {
        if (session.link !== 'open') return;
        resolve();
        queueMicrotask(() => close());
      });
    });
  });
}
