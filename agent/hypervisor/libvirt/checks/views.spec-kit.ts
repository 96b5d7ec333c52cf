import type { Check } from '../../../protocol/index.ts';
import type { ImageInfo } from '../image.ts';
import type { HostView } from './host-view.ts';
import type { LibvirtView } from './libvirt-view.ts';

const GIB = 1024 ** 3;

export interface FakeHost extends HostView {
  files: Map<string, string>;
  images: Map<string, ImageInfo>;
  folders: Map<string, { freeBytes: number; device: number }>;
  resolver: { found: boolean; ms: number };
  ram: { totalBytes: number; availableBytes: number };
  processors: number;
  ran: string[];
  exitCode: number;
}

/** A host in good order: a Debian 12 with libvirtd up, room, and one bridge. */
export function fakeHost(): FakeHost {
  const host: FakeHost = {
    files: new Map([
      ['/etc/hosts', '127.0.0.1 localhost\n127.0.1.1 boreas\n'],
      ['/etc/nsswitch.conf', 'hosts: files dns\n'],
      ['/run/libvirtd.pid', '77\n'],
      ['/proc/77/cmdline', '/usr/sbin/libvirtd\0'],
      ['/usr/bin/qemu-system-x86_64', ''],
      ['/usr/bin/qemu-storage-daemon', ''],
      ['/sys/class/net/br0', ''],
    ]),
    images: new Map(),
    folders: new Map([['/var/lib/libvirt/images', { freeBytes: 100 * GIB, device: 1 }]]),
    resolver: { found: true, ms: 2 },
    ram: { totalBytes: 16 * GIB, availableBytes: 8 * GIB },
    processors: 4,
    ran: [],
    exitCode: 0,
    name: () => 'boreas',
    cpuCount: () => host.processors,
    readText: async (path) => host.files.get(path) ?? null,
    writeText: async (path, text) => void host.files.set(path, text),
    exists: async (path) => host.files.has(path) || host.images.has(path) || host.folders.has(path),
    image: async (path) => host.images.get(path) ?? null,
    folder: async (path) => host.folders.get(path) ?? null,
    resolve: async () => host.resolver,
    memory: async () => host.ram,
    run: async (file, args) => {
      host.ran.push([file, ...args].join(' '));
      return { code: host.exitCode, output: 'output' };
    },
  };
  return host;
}

export interface FakeLibvirt extends LibvirtView {
  savedMemory: boolean;
  snapshots: number;
  active: string[];
  inactive: string[];
  modes: Record<string, string>;
  knownFilters: string[];
  machines: string[];
  /** virCPUCompareResult of every comparison. */
  cpu: number;
  tpmEmulator: boolean;
}

export function fakeLibvirt(): FakeLibvirt {
  const libvirt: FakeLibvirt = {
    savedMemory: false,
    snapshots: 0,
    active: ['default'],
    inactive: [],
    modes: { default: 'bridge' },
    knownFilters: ['clean-traffic'],
    machines: ['pc-q35-7.2'],
    cpu: 2,
    tpmEmulator: true,
    hasManagedSave: async () => libvirt.savedMemory,
    snapshotCount: async () => libvirt.snapshots,
    networks: async (which) =>
      which === 'active' ? libvirt.active : [...libvirt.active, ...libvirt.inactive],
    networkMode: async (name) => libvirt.modes[name] ?? '',
    filters: async () => libvirt.knownFilters,
    capabilities: async ({ machine }) =>
      libvirt.machines.includes(machine)
        ? { ok: true, value: capabilities(libvirt.tpmEmulator) }
        : {
            ok: false,
            failure: { kind: 'refused', error: { code: 8, domain: 10, message: 'not supported' } },
          },
    compareCpu: async () => ({ ok: true, value: libvirt.cpu }),
  };
  return libvirt;
}

const FIRMWARE = "<enum name='firmware'><value>bios</value><value>efi</value></enum>";
const capabilities = (tpm: boolean): string =>
  FIRMWARE +
  (tpm
    ? "<tpm supported='yes'><enum name='backendModel'><value>passthrough</value><value>emulator</value></enum></tpm>"
    : "<tpm supported='no'/>");

/** Checks by id; the last one of an id counts. */
export const byId = (checks: Check[]): Record<string, Check> =>
  Object.fromEntries(checks.map((check) => [check.id, check]));

/** Every check that is not ok names a way out. */
export const withoutWayOut = (checks: Check[]): Check[] =>
  checks.filter((check) => (check.state === 'ok') === (check.next !== ''));

export const qcow2 = (virtualBytes: number, traits: ImageInfo['traits'] = []): ImageInfo => ({
  format: 'qcow2',
  virtualBytes,
  allocatedBytes: virtualBytes / 4,
  traits,
});
