import type { Problem } from '../../../agent/protocol/problem.ts';
import { isUnanswered } from '../../lib/order-id.ts';
import { call } from '../../lib/session.svelte.ts';

/** How a machine can move: both hosts say so before anything is ordered, and what was not answered is asked again. */
export class MoveWays {
  /** Null while nobody has said it yet. */
  how = $state<{ live: boolean; hindrances: string[] } | null>(null);
  way = $state<'live' | 'cold'>('live');
  asking = $state(false);
  problem = $state<Problem | null>(null);
  readonly #pairId: string;

  constructor(pairId: string) {
    this.#pairId = pairId;
  }

  async ask(): Promise<void> {
    if (this.asking || this.how !== null) return;
    this.asking = true;
    this.problem = null;
    const asked = await call('pair.switchover.check', { pairId: this.#pairId });
    this.asking = false;
    // Nobody has looked: that says nothing of how it can move.
    if (!asked.ok && (isUnanswered(asked.problem) || asked.problem.kind === 'unexpected')) {
      this.problem = asked.problem;
      return;
    }
    this.how = asked.ok ? asked.value : { live: false, hindrances: [asked.problem.message] };
    this.way = this.how.live ? 'live' : 'cold';
  }
}
