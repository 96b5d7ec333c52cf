import type { Clock } from '../../ports.ts';
import type { DiskInfo, HostFacts, HostLoad, VmInfo } from '../../protocol/index.ts';
import type { VmDefinition } from '../hypervisor.ts';
import { gentleLoad, seedOf } from './load.ts';
import type { SimulatedGuest, SimulatedImage } from './types.ts';

export const SIMULATED_VERSION = 'simulated 1.0';
/** A guest's writes grow with its load, in steps of this many bytes/s. */
const WRITE_STEP_BPS = 250_000;

/** A host as an agent may look at it. */
export interface Machine {
  readonly world: { readonly clock: Clock };
  readonly name: string;
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly bootId: string;
  readonly powered: boolean;
  readonly guests: Map<string, SimulatedGuest>;
  readonly images: Map<string, SimulatedImage>;
  freeMemoryBytes(): number;
}

/** A guest as the hypervisor would list it now. */
export function vmInfo(host: Machine, guest: SimulatedGuest): VmInfo {
  const { uuid, name, vcpus, memoryBytes, nics, nature } = guest.domain;
  const running = guest.startedAt !== null;
  const busy = running && guest.state !== 'paused' && guest.halted !== true;
  const seed = seedOf(uuid);
  const now = host.world.clock.now();
  const cpu = gentleLoad(nature.cpu, seed, now) * (vcpus / host.cpuCount);
  return {
    uuid,
    name,
    state: guest.state,
    vcpus,
    memoryBytes,
    autostart: guest.autostart,
    ...(guest.pause ? { pause: guest.pause } : {}),
    ...(guest.away ? { away: true as const } : {}),
    ...(guest.transient ? { defined: false as const } : {}),
    disks: guest.domain.disks.map((disk) => diskInfo(host, disk)),
    nics,
    cpu: busy ? Math.round(cpu * 1000) / 1000 : 0,
    ...(busy ? { writeBps: Math.round(nature.cpu * 20) * WRITE_STEP_BPS } : {}),
    memoryUsedBytes: running ? Math.round(gentleLoad(nature.memory, 1 - seed, now) * memoryBytes) : 0,
    addresses: busy && guest.booted && nature.address ? [nature.address] : [],
  };
}

/** Its size is the image's own, as on a real host. */
function diskInfo(
  { images }: Pick<Machine, 'images'>,
  { target, path, format, readOnly, device }: DiskInfo,
): DiskInfo {
  return { target, path, format, sizeBytes: images.get(path)?.sizeBytes ?? 0, readOnly, device };
}

/** A guest's definition with what only its images tell. */
export function vmDefinition(host: Pick<Machine, 'images'>, guest: SimulatedGuest): VmDefinition {
  const { uuid, name, text, disks } = guest.domain;
  return {
    uuid,
    name,
    text,
    disks: disks.map((disk) => {
      const image = host.images.get(disk.path);
      const info = diskInfo(host, disk);
      return image ? { ...info, allocatedBytes: image.allocatedBytes } : info;
    }),
  };
}

/** What an agent finds out about the host it runs on. */
export function hostFacts(host: Machine, addresses: string[]): HostFacts {
  return {
    hostname: host.name,
    os: 'Debian GNU/Linux 12 (bookworm)',
    kernel: '6.1.0-40-amd64',
    arch: 'x64',
    cpuModel: host.cpuModel,
    cpuCount: host.cpuCount,
    memoryBytes: host.memoryBytes,
    bootId: host.bootId,
    hypervisor: { kind: 'simulated', version: SIMULATED_VERSION, reachable: host.powered },
    addresses,
  };
}

export function hostLoad(host: Machine): HostLoad {
  const now = host.world.clock.now();
  let cpu = gentleLoad(0.04, seedOf(host.name), now);
  for (const guest of host.guests.values()) cpu += vmInfo(host, guest).cpu;
  return {
    cpu: Math.min(1, Math.round(cpu * 1000) / 1000),
    memoryUsedBytes: host.memoryBytes - host.freeMemoryBytes(),
    memoryBytes: host.memoryBytes,
    at: now,
  };
}
