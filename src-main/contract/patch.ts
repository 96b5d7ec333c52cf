import type { FleetPatch, FleetSnapshot } from './views.ts';

export const emptyFleet = (): FleetSnapshot => ({ hosts: {}, vms: {}, pairs: {}, tasks: {} });

/** The fleet after a change. What did not change stays the same object, so only the rest is drawn again. */
export function patched(fleet: FleetSnapshot, patch: FleetPatch): FleetSnapshot {
  return {
    hosts: merged(fleet.hosts, patch.hosts),
    vms: merged(fleet.vms, patch.vms),
    pairs: merged(fleet.pairs, patch.pairs),
    tasks: merged(fleet.tasks, patch.tasks),
  };
}

function merged<T>(
  table: Record<string, T>,
  changes: Record<string, T | null> | undefined,
): Record<string, T> {
  if (changes === undefined) return table;
  const result = { ...table };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete result[key];
    else result[key] = value;
  }
  return result;
}

const KINDS = ['hosts', 'vms', 'pairs', 'tasks'] as const;

/** Two changes that follow each other, as one. */
export function joinedPatch(first: FleetPatch, then: FleetPatch): FleetPatch {
  const joined: FleetPatch = { ...first };
  for (const kind of KINDS)
    if (then[kind] !== undefined) Object.assign(joined, { [kind]: { ...first[kind], ...then[kind] } });
  return joined;
}
