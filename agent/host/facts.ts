import { readFile } from 'node:fs/promises';
import { arch, cpus, hostname, networkInterfaces, release, totalmem } from 'node:os';
import type { HostFacts } from '../protocol/index.ts';

/** What the facts need of the hypervisor. */
export interface HypervisorState {
  kind: HostFacts['hypervisor']['kind'];
  version: string;
  reachable: boolean;
}

/** Reads what this host is. Linux only; what cannot be read is left empty. */
export async function readHostFacts(hypervisor: HypervisorState | null): Promise<HostFacts> {
  const [osRelease, bootId] = await Promise.all([
    text('/etc/os-release'),
    text('/proc/sys/kernel/random/boot_id'),
  ]);
  return {
    hostname: hostname(),
    os: osName(osRelease),
    kernel: release(),
    arch: arch(),
    cpuModel: cpus()[0]?.model.trim() ?? '',
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    bootId: bootId.trim(),
    hypervisor: {
      kind: hypervisor?.kind ?? 'none',
      version: hypervisor?.version ?? '',
      reachable: hypervisor?.reachable ?? false,
    },
    addresses: addressesOf(networkInterfaces()),
  };
}

/** PRETTY_NAME of os-release(5). */
export function osName(osRelease: string): string {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1] ?? '';
  return value.replace(/^"(.*)"$/, '$1') || 'Linux';
}

type Interfaces = ReturnType<typeof networkInterfaces>;

/** Bridges that libvirt, Docker and the like keep for their own guests: nobody else reaches their addresses. */
const PRIVATE_DEVICES = /^(virbr|docker|br-[0-9a-f]{12}|veth|vnet|lxcbr|podman|cni)/;

/** IPv4 first; link-local ones and those of private bridges left out. */
export function addressesOf(interfaces: Interfaces): string[] {
  const usable = Object.entries(interfaces)
    .filter(([device]) => !PRIVATE_DEVICES.test(device))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter((each) => !each.internal && !/^(169\.254\.|fe80:)/i.test(each.address));
  const family = (name: string): string[] =>
    usable.filter((each) => each.family === name).map((each) => each.address);
  return [...family('IPv4'), ...family('IPv6')];
}

const text = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
