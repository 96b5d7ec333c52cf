import type { Obstacle, PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { giveWithNotes } from './automation-order.svelte.ts';

/** What a mending button does that leads nowhere else. */
export async function mendNow(pair: PairView, obstacle: Obstacle): Promise<void> {
  const scope = { kind: 'pairs' as const, pairIds: [pair.id] };
  if (obstacle.mend === 'resume')
    await giveWithNotes(scope, { paused: false }, m.automation.switch.resumedNote);
  if (obstacle.mend === 'maintenance')
    await giveWithNotes(scope, { maintenance: null }, m.automation.maintenance.ended);
}
