import type { HostView } from '../libvirt/checks/host-view.ts';
import type { LibvirtView } from '../libvirt/checks/libvirt-view.ts';
import type { SimulatedHost } from './host.ts';
import { IMAGE_FOLDER } from './types.ts';

const PROGRAMS = new Set(['/usr/bin/qemu-storage-daemon', '/usr/bin/qemu-system-x86_64']);
/** virCPUCompareResult: superset. */
const CPU_FITS = 2;

/** A simulated host as the preflight of real hosts looks at one. */
export function hostView(host: SimulatedHost): HostView {
  const { settings, images } = host;
  return {
    name: () => host.name,
    cpuCount: () => host.cpuCount,
    readText: async (path) => settings.get(path) ?? null,
    writeText: async (path, text) => void settings.set(path, text),
    exists: async (path) =>
      settings.has(path) || images.has(path) || PROGRAMS.has(path) || host.bridges.has(bridgeAt(path)),
    image: async (path) => {
      const image = images.get(path);
      if (!image) return null;
      const { sizeBytes, allocatedBytes } = image;
      return { format: 'qcow2', virtualBytes: sizeBytes, allocatedBytes, traits: [] };
    },
    folder: async (path) => (path === IMAGE_FOLDER ? { freeBytes: host.freeDiskBytes(), device: 1 } : null),
    // Asked only where /etc/hosts does not know the name: no DNS server answers.
    resolve: async (_name, withinMs) => ({ found: false, ms: withinMs }),
    memory: async () => ({ totalBytes: host.memoryBytes, availableBytes: host.freeMemoryBytes() }),
    run: async () => ({ code: 0, output: '' }),
  };
}

/** Where Linux shows a network device, bridges included; '' for other paths. */
const bridgeAt = (path: string): string => /^\/sys\/class\/net\/([^/]+)$/.exec(path)?.[1] ?? '';

/** What libvirt would say: every simulated host offers the same machines. */
export const libvirtView: LibvirtView = {
  hasManagedSave: async () => false,
  snapshotCount: async () => 0,
  networks: async () => [],
  networkMode: async () => '',
  filters: async () => [],
  capabilities: async () => ({ ok: true, value: '' }),
  compareCpu: async () => ({ ok: true, value: CPU_FITS }),
};
