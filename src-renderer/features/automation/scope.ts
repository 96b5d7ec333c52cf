import type { FleetSnapshot, PairView, Scope } from '../../../src-main/contract/index.ts';

/** The pairs an order for this scope concerns as the page knows them; the core looks again when it is given. */
export function inScope(fleet: FleetSnapshot, scope: Scope): PairView[] {
  const all = Object.values(fleet.pairs);
  if (scope.kind === 'fleet') return all;
  if (scope.kind === 'pairs') return all.filter((pair) => scope.pairIds.includes(pair.id));
  return all.filter((pair) => pair.primary === scope.hostId || pair.standby === scope.hostId);
}
