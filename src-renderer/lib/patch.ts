import type { FleetPatch, FleetSnapshot } from '../../src-main/contract/index.ts';

export const emptyFleet = (): FleetSnapshot => ({ hosts: {}, vms: {}, pairs: {}, tasks: {} });

/** Applies changed entities in place, so that only what changed is drawn again; null removes. */
export function applyPatch(fleet: FleetSnapshot, patch: FleetPatch): void {
  mergeInto(fleet.hosts, patch.hosts);
  mergeInto(fleet.vms, patch.vms);
  mergeInto(fleet.pairs, patch.pairs);
  mergeInto(fleet.tasks, patch.tasks);
}

function mergeInto<T>(table: Record<string, T>, changes: Record<string, T | null> | undefined): void {
  for (const [key, value] of Object.entries(changes ?? {})) {
    if (value === null) delete table[key];
    else table[key] = value;
  }
}
