import type { HostView } from './views.ts';

/** Memory of a host that would get machines, bytes. */
export interface HostRoom {
  hostId: string;
  totalBytes: number;
  usedBytes: number;
  /** What would come, whether it fits or not. */
  comingBytes: number;
  coming: number;
  /** Names of those for which nothing is left; the last in order. */
  tooMany: string[];
}

interface Coming {
  to: string | null;
  name: string;
  memoryBytes: number;
  fits: boolean;
}

/** What its agent told last; null where it never told. */
export function roomOf(host: HostView | undefined): { totalBytes: number; usedBytes: number } | null {
  if (!host?.load) return null;
  return { totalBytes: host.load.memoryBytes, usedBytes: host.load.memoryUsedBytes };
}

/**
 * Seats the machines in the order in which they come: one fits while the memory that is free now is enough for it and all
 * before it, as the check of a standby asks it (agent/hypervisor/libvirt/checks/resources.ts). Marks those that do not.
 */
export function fitIn(
  machines: readonly Coming[],
  roomNow: (hostId: string) => { totalBytes: number; usedBytes: number } | null,
): HostRoom[] {
  const rooms = new Map<string, HostRoom>();
  for (const machine of machines) {
    if (machine.to === null) continue;
    const now = roomNow(machine.to);
    if (now === null) continue;
    const room = rooms.get(machine.to) ?? {
      ...{ hostId: machine.to, ...now, comingBytes: 0, coming: 0 },
      tooMany: [],
    };
    room.comingBytes += machine.memoryBytes;
    room.coming += 1;
    machine.fits = room.usedBytes + room.comingBytes <= room.totalBytes;
    if (!machine.fits) room.tooMany.push(machine.name);
    rooms.set(machine.to, room);
  }
  return [...rooms.values()];
}
