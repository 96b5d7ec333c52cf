import type { SimulatedHost } from '../../../agent/hypervisor/simulated/host.ts';
import { mountShared, SimulatedReplication } from '../../../agent/replication/simulated/coordinated.ts';
import type { FleetPlan } from './fleet-plan.ts';

/** Disks that somebody else keeps on two hosts: shared storage, and a replication with its program on both. */
export function setUpStorage(plan: FleetPlan, hosts: readonly SimulatedHost[]): void {
  const find = (name: string): SimulatedHost => {
    const host = hosts.find((each) => each.name === name);
    if (!host) throw new Error(`no practice host ${name}`);
    return host;
  };
  for (const { vm, on, with: other } of plan.shared ?? [])
    mountShared(find(on), find(other), disksOf(find(on), vm));
  for (const { vm, on, with: other } of plan.replicated ?? [])
    new SimulatedReplication([find(on), find(other)], disksOf(find(on), vm), { synchronous: true });
}

function disksOf(host: SimulatedHost, name: string): string[] {
  const guest = [...host.guests.values()].find(({ domain }) => domain.name === name);
  return (guest?.domain.disks ?? []).map(({ path }) => path);
}
