import type { FleetSnapshot, HostView, VmView } from '../../../src-main/contract/index.ts';
import { roomOf } from '../../../src-main/contract/what-if-memory.ts';
import { compareText } from '../../lib/collate.ts';

export interface Placement {
  view: VmView;
  /** Where its standby is to wait; null: nowhere is room. */
  standby: string | null;
}

/**
 * A standby for each machine: the one host that was chosen, or (`chosen` null) the answering one with most memory left once
 * the machines before it are counted. Large machines choose first: the small ones fit in between.
 */
export function spread(
  machines: readonly VmView[],
  fleet: FleetSnapshot,
  chosen: string | null,
): Placement[] {
  const hosts = Object.values(fleet.hosts)
    .filter((host) => host.role === 'hypervisor' && host.connection.state === 'online')
    .sort((a, b) => compareText(a.name, b.name));
  const left = new Map(hosts.map((host) => [host.id, freeOf(host)]));
  const place = (view: VmView): Placement => {
    const able = hosts.filter(({ id }) => id !== view.hostId && (chosen === null || id === chosen));
    const [best] = able.sort((a, b) => (left.get(b.id) ?? 0) - (left.get(a.id) ?? 0));
    const room = best ? (left.get(best.id) ?? 0) : 0;
    // A person's own choice is for the checks to judge; a spread never overfills.
    if (!best || (chosen === null && room < view.vm.memoryBytes)) return { view, standby: null };
    left.set(best.id, room - view.vm.memoryBytes);
    return { view, standby: best.id };
  };
  const placed = new Map(
    [...machines].sort((a, b) => b.vm.memoryBytes - a.vm.memoryBytes).map((view) => [view.key, place(view)]),
  );
  return machines.flatMap((view) => placed.get(view.key) ?? []);
}

/** Nothing is known of a host that told no load: it counts as full. */
function freeOf(host: HostView): number {
  const room = roomOf(host);
  return room === null ? 0 : Math.max(0, room.totalBytes - room.usedBytes);
}
