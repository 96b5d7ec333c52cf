import type { Problem, Result } from '../../../agent/protocol/problem.ts';
import { announcer } from '../../lib/announcer.svelte.ts';

/** A button's order that is answered at once: busy meanwhile, and its problem stays until the next try. */
export class Once {
  busy = $state(false);
  problem = $state<Problem | null>(null);

  async run(send: () => Promise<Result<unknown>>, done: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    const answer = await send();
    this.busy = false;
    if (answer.ok) announcer.note('ok', done);
    else this.problem = answer.problem;
  }
}
