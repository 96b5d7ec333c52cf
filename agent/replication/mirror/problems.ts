import type { Problem } from '../../protocol/index.ts';
import type { HoldReason } from '../forwarder/control-protocol.ts';
import { ENOSPC } from '../forwarder/nbd-wire.ts';
import type { MirrorOrder } from '../replication.ts';
import { diskFull } from '../storage-daemon/images.ts';

const hostOf = (order: MirrorOrder): string => order.remote.host ?? order.address;

/** Why the standby does not take the guest's writes. */
export function heldProblem(order: MirrorOrder, reason: HoldReason | null): Problem {
  const host = hostOf(order);
  const path = order.remote.paths?.[reason?.disk ?? ''] ?? `the copy of disk ${reason?.disk ?? ''}`;
  if (reason?.kind === 'remote-error') {
    if (reason.errno === ENOSPC) return diskFull(host, path);
    return {
      kind: 'standby-disk-error',
      message: `The disk of ${host} failed to write ${path} (error ${reason.errno}).`,
      next: `Look at the disk of ${host} (dmesg, smartctl), then start the copy again.`,
      details: { host, path, errno: String(reason.errno) },
    };
  }
  if (reason?.kind === 'too-slow')
    return {
      kind: 'standby-too-slow',
      message: `${host} was too slow: ${reason.detail}, longer than may be waited.`,
      next: `Look at the disk of ${host} and at the line between the hosts, or let the machine wait longer.`,
      details: { host, reason: reason.kind, detail: reason.detail },
    };
  return {
    kind: 'replica-lost',
    message: `${host} does not take the writes: ${because(reason)}.`,
    next: `Look whether ${host} runs and can be reached, then start the copy again.`,
    details: { host, reason: reason?.kind ?? '', detail: reason?.detail ?? '' },
  };
}

function because(reason: HoldReason | null): string {
  switch (reason?.kind) {
    case 'heartbeat-late':
      return `its storage daemon is silent (${reason.detail})`;
    case 'heartbeat-error':
      return `its storage daemon failed a test write (${reason.detail})`;
    case 'request-late':
      return `its disk hangs (${reason.detail})`;
    case 'restarted':
      return "this host's forwarder started anew and cannot reach it";
    case 'qemu-gone':
    case 'qemu-malformed':
      return `the connection to QEMU on this host broke (${reason.detail})`;
    case 'ordered':
      return 'the replication was held on purpose';
    default:
      return `the connection was lost${reason ? ` (${reason.detail})` : ''}`;
  }
}

export const guestEnded = (inSync: boolean): Problem => ({
  kind: 'guest-ended',
  message: inSync
    ? 'The machine ended without taking leave of its copy.'
    : 'The machine ended before its copy was complete.',
  next: 'Start the machine, then start the copy again.',
});

export const jobEnded = (cause: string): Problem => ({
  kind: 'mirror-ended',
  message: `QEMU ended the mirror by itself (${cause}).`,
  next: 'Look at the disks of this host (dmesg), then start the copy again.',
});

/** Nobody of ours ended it, and its stream was not lost. */
export const jobGone: Problem = {
  kind: 'mirror-cancelled',
  message: "The mirror's job in QEMU is gone: somebody cancelled it, or a disk of this host failed.",
  next: 'The copy is brought up to date by itself. If nobody cancelled it, look at the disks of this host (dmesg).',
};

export const streamGone: Problem = {
  kind: 'stream-lost',
  message: "This host's forwarder no longer knows the replication stream.",
  next: 'Start the copy again.',
};
