import type { VmInfo } from '../../../agent/protocol/host.ts';
import type { FleetSnapshot, PairView } from '../../../src-main/contract/index.ts';
import type { Writer } from './cost.ts';

export function writerOfVm(vm: VmInfo | null): Writer {
  const own = vm?.disks.filter(({ device, readOnly }) => device === 'disk' && !readOnly) ?? [];
  return {
    diskBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    writeBps: vm?.writeBps ?? null,
  };
}

/** The machine of a pair, where it runs. */
export function writerOf(pair: PairView, fleet: FleetSnapshot): Writer {
  const uuid = Object.values(pair.members)[0]?.status.spec.workload.uuid;
  const view = Object.values(fleet.vms).find(({ hostId, vm }) => hostId === pair.primary && vm.uuid === uuid);
  return writerOfVm(view?.vm ?? null);
}
