import type { Problem } from '../../../agent/protocol/problem.ts';
import type { AutomationChange, PairOutcome, Scope } from '../../../src-main/contract/index.ts';
import { announcer } from '../../lib/announcer.svelte.ts';
import { requestId } from '../../lib/ids.ts';
import { m } from '../../lib/messages.ts';
import { call } from '../../lib/session.svelte.ts';

/** One change for one or many pairs: what came of it is kept pair by pair. */
export class AutomationOrder {
  busy = $state(false);
  problem = $state<Problem | null>(null);
  /** Null until it was given; afterwards every pair with its problem, if any. */
  outcomes = $state<PairOutcome[] | null>(null);

  failed(): PairOutcome[] {
    return (this.outcomes ?? []).filter((each) => each.problem !== null);
  }

  /** True when it was done for every pair. */
  async give(scope: Scope, change: AutomationChange): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = null;
    const answer = await call('automation.set', { requestId: requestId(), scope, change });
    this.busy = false;
    if (!answer.ok) {
      this.problem = answer.problem;
      return false;
    }
    this.outcomes = answer.value.outcomes;
    return this.failed().length === 0;
  }

  /** The same for those that could not be changed. */
  again(change: AutomationChange): Promise<boolean> {
    return this.give({ kind: 'pairs', pairIds: this.failed().map((each) => each.pairId) }, change);
  }
}

/** For a button without a dialog of its own: what went wrong is a note. */
export async function giveWithNotes(scope: Scope, change: AutomationChange, done: string): Promise<void> {
  const order = new AutomationOrder();
  if (await order.give(scope, change)) {
    announcer.note('ok', done);
    return;
  }
  if (order.problem) announcer.note('danger', order.problem.message, order.problem.next);
  for (const { name, problem } of order.failed()) {
    if (problem) announcer.note('danger', `${name}: ${problem.message}`, problem.next);
  }
  const all = order.outcomes?.length ?? 0;
  if (all > order.failed().length) announcer.say(m.automation.outcomes.title(order.failed().length, all));
}
