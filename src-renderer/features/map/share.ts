import type { FleetSnapshot, HostView, VmView } from '../../../src-main/contract/index.ts';
import { share } from '../../lib/format.ts';

/** What one machine takes of its host, each 0..1; null while the host's size is not known. */
export interface Share {
  cpu: number;
  memory: number | null;
}

export function shareOf({ vm }: VmView, host: HostView): Share {
  const all = host.load?.memoryBytes ?? host.facts?.memoryBytes ?? 0;
  return { cpu: vm.cpu, memory: all > 0 ? share(memoryOf(vm), all) : null };
}

/** What it really holds; what it may hold where the hypervisor does not tell. */
const memoryOf = (vm: VmView['vm']): number => vm.memoryUsedBytes || vm.memoryBytes;

/** A machine that takes most of a host that is nearly full. */
export interface Hog {
  key: string;
  name: string;
  of: 'cpu' | 'memory';
  /** Its share of the whole host, 0..1. */
  share: number;
}

/** From this load on a host is short of it. */
const FULL = { cpu: 0.8, memory: 0.9 } as const;
/** A hog takes at least this part of what is in use. */
const MOST = 0.5;

/** Who takes what the others lack, by host; hosts with room for everybody have no hog. */
export function hogs(fleet: FleetSnapshot): Map<string, Hog> {
  const full = new Map<string, { host: HostView; of: Hog['of']; used: number }>();
  for (const host of Object.values(fleet.hosts)) {
    const { load } = host;
    if (!load || host.connection.state !== 'online') continue;
    const memory = share(load.memoryUsedBytes, load.memoryBytes);
    if (load.cpu >= FULL.cpu) full.set(host.id, { host, of: 'cpu', used: load.cpu });
    else if (memory >= FULL.memory) full.set(host.id, { host, of: 'memory', used: memory });
  }
  const found = new Map<string, Hog>();
  if (full.size === 0) return found;
  for (const view of Object.values(fleet.vms)) {
    const at = full.get(view.hostId);
    if (!at || view.vm.state !== 'running') continue;
    const its = shareOf(view, at.host)[at.of] ?? 0;
    const worst = found.get(view.hostId);
    if (its < at.used * MOST || (worst && worst.share >= its)) continue;
    found.set(view.hostId, { key: view.key, name: view.vm.name, of: at.of, share: its });
  }
  return found;
}
