import type { Hypervisor, HypervisorEvent } from '../../../agent/hypervisor/hypervisor.ts';
import { fail, type VmInfo } from '../../../agent/protocol/index.ts';
import type { TestGuest } from './guest.ts';

export const GUEST_UUID = '4b1b7a2e-94c5-4c8e-8a0e-6f0a5d2a9a11';

/** As much of a hypervisor as the mirror uses, over one QEMU's own monitor. */
export function guestHypervisor(
  guest: TestGuest,
): Pick<Hypervisor, 'monitor' | 'subscribe' | 'list' | 'reachable' | 'guestAnswers' | 'quiesce' | 'thaw'> {
  const listeners = new Set<(event: HypervisorEvent) => void>();
  const tell = (event: HypervisorEvent) => {
    for (const listener of listeners) listener(event);
  };
  guest.qmp.onEvent(({ event, data }) => tell({ kind: 'qmp', uuid: GUEST_UUID, event, data }));
  guest.child.once('exit', (code) =>
    tell({ kind: 'stopped', uuid: GUEST_UUID, reason: code === 0 ? 'shutdown' : 'crashed' }),
  );
  return {
    reachable: true,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    list: () => [vm(guest)],
    // It boots nothing, so there is no agent in it.
    guestAnswers: async () => false,
    quiesce: async () => 'none',
    thaw: async () => ({ ok: true, value: undefined }),
    async monitor(uuid, command, args) {
      if (uuid === GUEST_UUID && guest.alive) return guest.qmp.execute(command, args);
      return fail({ kind: 'vm-not-running', message: 'The machine does not run.', next: 'Start it.' });
    },
  };
}

function vm(guest: TestGuest): VmInfo {
  return {
    uuid: GUEST_UUID,
    name: 'test',
    state: guest.alive ? 'running' : 'stopped',
    vcpus: 1,
    memoryBytes: 32 * 2 ** 20,
    autostart: false,
    disks: guest.disks.map((disk) => ({
      ...disk,
      format: 'qcow2',
      readOnly: false,
      device: 'disk' as const,
    })),
    nics: [],
    cpu: 0,
    memoryUsedBytes: 0,
    addresses: [],
  };
}
