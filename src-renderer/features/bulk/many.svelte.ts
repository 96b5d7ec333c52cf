import type { Problem, Result } from '../../../agent/protocol/problem.ts';
import type { TaskView } from '../../../src-main/contract/index.ts';
import { session } from '../../lib/session.svelte.ts';

export interface ManyItem {
  key: string;
  name: string;
  state: 'waits' | 'runs' | 'done' | 'failed';
  problem: Problem | null;
}

/** The same order for many machines, a few at a time, each told by itself. What runs goes on when the page is left. */
export class Many {
  items = $state<ManyItem[]>([]);
  running = $state(false);
  #stopped = false;

  get ended(): number {
    return this.items.filter(({ state }) => state === 'done' || state === 'failed').length;
  }

  /** Those whose turn has not come are not begun. */
  stop(): void {
    this.#stopped = true;
  }

  /** `give`: sends one; a task's id in its answer is waited for. */
  async run(
    of: readonly { key: string; name: string }[],
    atOnce: number,
    give: (key: string) => Promise<Result<{ taskId?: string } | undefined>>,
  ): Promise<void> {
    if (this.running) return;
    this.items = of.map(({ key, name }) => ({ key, name, state: 'waits', problem: null }));
    this.running = true;
    const work = async (): Promise<void> => {
      for (let item = this.#next(); item; item = this.#next()) await this.#one(item, give);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    this.running = false;
  }

  #next(): ManyItem | undefined {
    return this.#stopped ? undefined : this.items.find(({ state }) => state === 'waits');
  }

  async #one(item: ManyItem, give: Parameters<Many['run']>[2]): Promise<void> {
    item.state = 'runs';
    const given = await give(item.key);
    const taskId = given.ok ? given.value?.taskId : undefined;
    const task = taskId === undefined ? null : await ended(taskId);
    item.problem = given.ok ? (task?.task.problem ?? null) : given.problem;
    item.state = given.ok && (task === null || task.task.state === 'done') ? 'done' : 'failed';
  }
}

/** Resolves when the fleet tells that the task has ended. Null: it is gone. */
function ended(taskId: string): Promise<TaskView | null> {
  return new Promise((resolve) => {
    let seen = false;
    const close = $effect.root(() => {
      $effect(() => {
        const view = session.fleet.tasks[taskId];
        seen ||= view !== undefined;
        if (view ? view.task.state === 'running' : !seen) return;
        resolve(view ?? null);
        queueMicrotask(() => close());
      });
    });
  });
}
