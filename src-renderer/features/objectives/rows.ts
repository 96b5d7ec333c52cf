import type { Standing } from '../../../agent/protocol/objectives.ts';
import type { FleetSnapshot, ObjectivesView, PairView } from '../../../src-main/contract/index.ts';
import { ownersNow } from '../../lib/host-clock.ts';
import { rpoOf, rtoOf, worstOf } from '../../lib/objectives.ts';

export interface ObjectivesRow {
  pair: PairView;
  view: ObjectivesView | null;
  rpo: Standing;
  rto: Standing;
  worst: Standing;
  /** The owner's wall clock, ms. */
  now: number;
}

const ORDER: readonly Standing[] = ['missed', 'unmeasured', 'near', 'met', 'no-target'];

/** Every protected machine: who misses a target first, then whose target nothing measures. */
export function objectivesRows(fleet: FleetSnapshot, now: number): ObjectivesRow[] {
  return Object.values(fleet.pairs)
    .map((pair) => rowOf(pair, ownersNow(fleet.hosts[pair.primary], now)))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.worst) - ORDER.indexOf(b.worst) || a.pair.name.localeCompare(b.pair.name, 'en'),
    );
}

function rowOf(pair: PairView, now: number): ObjectivesRow {
  const view = pair.objectives;
  if (view === null) return { pair, view, rpo: 'no-target', rto: 'no-target', worst: 'no-target', now };
  return { pair, view, rpo: rpoOf(view, now), rto: rtoOf(view, now), worst: worstOf(view, now), now };
}
