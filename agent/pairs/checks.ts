import type { VmDefinition } from '../hypervisor/hypervisor.ts';
import {
  type Check,
  type HostId,
  isCoordinated,
  type ReplicationMode,
  SYNC,
  type VmInfo,
} from '../protocol/index.ts';
import { must, type PairContext } from './context.ts';
import { checkCoordinated } from './coordinated/checks.ts';
import { isLive } from './store.ts';

export interface ProtectPlan {
  checks: Check[];
  bytesToCopy: number;
  definition: VmDefinition;
  /** Proposed image path on the standby, by disk target. */
  paths: Record<string, string>;
}

/** Disks whose content has to be copied: writable ones. */
export const copiedDisks = (definition: VmDefinition): VmDefinition['disks'] =>
  definition.disks.filter((disk) => disk.device === 'disk' && !disk.readOnly);

/**
 * Can this guest be protected onto that standby? Looks on both sides, changes nothing. `replacing`: it is protected, and
 * gets another standby.
 */
export async function planProtection(
  context: PairContext,
  vmUuid: string,
  standby: HostId,
  replacing = false,
  mode: ReplicationMode = SYNC,
): Promise<ProtectPlan> {
  const { hypervisor, peers, selfName } = context.deps;
  const definition = must(await hypervisor.definition(vmUuid));
  const copy = isCoordinated(mode) ? 'elsewhere' : 'ours';
  const checks = await hypervisor.checkSource(vmUuid, copy);
  const known = context.store.ofVm(vmUuid);
  if (known && !replacing) {
    checks.push({
      id: 'already-protected',
      state: 'failed',
      host: selfName(),
      title: 'Protection so far',
      message: `${definition.name} is already protected.`,
      next: 'Choose "Change the standby" on its page if it should get another one.',
    });
  }
  if (context.isUndefined(vmUuid)) {
    checks.push({
      id: 'definition',
      state: 'failed',
      host: selfName(),
      title: 'Its definition',
      message: `${definition.name} runs without a definition that lasts: it is gone once it stops.`,
      next: `Define it (virsh dumpxml ${definition.name} > FILE; virsh define FILE), then try again.`,
    });
  }
  const disks = copiedDisks(definition);
  checks.push(...sharedDisk(context, vmUuid, disks));
  const answer = await peers.to(standby).call('standby.check', {
    vmUuid,
    copy,
    name: definition.name,
    definition: definition.text,
    disks: disks.map(({ target, path, sizeBytes, allocatedBytes, format }) => {
      return { target, path, sizeBytes, allocatedBytes, format };
    }),
  });
  const standbyName = context.nameOf(standby);
  checks.push(
    answer.ok
      ? {
          id: 'hosts-connected',
          state: 'ok',
          host: selfName(),
          title: 'Link between the hosts',
          message: `${selfName()} and ${standbyName} reach each other, encrypted.`,
          next: '',
        }
      : {
          id: 'hosts-connected',
          state: 'failed',
          host: selfName(),
          title: 'Link between the hosts',
          message: answer.problem.message,
          next: answer.problem.next,
        },
  );
  const bytesToCopy = isCoordinated(mode) ? 0 : disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  if (answer.ok && isCoordinated(mode))
    checks.push(...(await checkCoordinated(context, mode, { vmUuid, standby, disks })));
  if (!answer.ok) return { checks, bytesToCopy, definition, paths: {} };
  return { checks: [...checks, ...answer.value.checks], bytesToCopy, definition, paths: answer.value.paths };
}

/** Another machine of this host that runs from one of the same disks. */
function sharedDisk(context: PairContext, vmUuid: string, disks: { path: string }[]): Check[] {
  const paths = new Set(disks.map(({ path }) => path));
  const uses = (vm: VmInfo): boolean => vm.disks.some(({ path }) => paths.has(path));
  const other = context.deps.hypervisor.list().find((vm) => vm.uuid !== vmUuid && uses(vm));
  if (!other) return [];
  const runs = isLive(other.state);
  return [
    {
      id: 'disk-shared',
      state: runs ? 'failed' : 'warning',
      host: context.deps.selfName(),
      title: 'Who uses its disks',
      message: `${other.name} on ${context.deps.selfName()} ${runs ? 'runs from' : 'is defined with'} the same disk: two machines that write to it destroy it.`,
      next: `Give ${other.name} a disk of its own, or undefine it.`,
    },
  ];
}
