import type { ProtectedFleet } from '../protected-fleet.ts';
import { must } from '../run.ts';

/** Free blocks of the guest's file system: what lies there is data to a disk, and nothing to the guest. */
const AT_MIB = 160;
/** 57 MiB are 60 MB. */
const MIB_EACH = 57;

/** 60 MB are written to the first disk of a running machine, through its own QEMU; other data each time. */
export async function dirty(
  fleet: ProtectedFleet,
  host: string,
  machine: string,
  pattern: number,
): Promise<void> {
  const device = '/machine/peripheral/virtio-disk0/virtio-backend';
  const write = `qemu-io -d ${device} \\"write -P ${(pattern % 250) + 1} ${AT_MIB}M ${MIB_EACH}M\\"`;
  const command = `virsh -q qemu-monitor-command ${machine} --hmp "${write}"`;
  const answer = await must(fleet.lab.sshCommand(host, ['--', command]));
  if (/error|not found|failed/i.test(answer)) throw new Error(answer);
}
