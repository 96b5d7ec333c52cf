/** Reading and rewriting libvirt's domain XML (https://libvirt.org/formatdomain.html). */
import { DOMParser, type Element, XMLSerializer } from '@xmldom/xmldom';
import type { DiskInfo, NicInfo } from '../../protocol/index.ts';

export interface DomainDisk extends DiskInfo {
  /** libvirt's disk type: file, block, network, volume, dir, nvme, vhostuser. */
  type: string;
  shareable: boolean;
  transient: boolean;
  /** A backing chain written into the definition itself. */
  backing: boolean;
}

export interface DomainCpu {
  /** custom, host-model, host-passthrough, maximum. */
  mode: string;
  model: string;
  /** The `<cpu>` element as it stands, for libvirt's own comparison. */
  xml: string;
}

export interface Domain {
  uuid: string;
  name: string;
  /** kvm or qemu. */
  virtType: string;
  arch: string;
  machine: string;
  emulator: string;
  vcpus: number;
  memoryBytes: number;
  cpu: DomainCpu | null;
  disks: DomainDisk[];
  nics: NicInfo[];
  /** Firmware image; empty for the built-in BIOS. */
  loader: string;
  /** File with the firmware's variables; empty when there is none. */
  nvram: string;
  nvramTemplate: string;
  /** libvirt picks the firmware itself at each start: efi or bios; empty when it is named. */
  firmware: string;
  /** Kernel, initial RAM disk, device tree and the like that QEMU reads from the host, each boot. */
  bootFiles: string[];
  /** Backend of the TPM: emulator, passthrough, external; empty without one. */
  tpm: string;
  /** Devices that exist only on this host, described for a person. */
  hostBound: string[];
  /** True while the QEMU guest agent is connected (live definition only). */
  guestAgent: boolean;
  /** Ids of the secrets kept by libvirt that it uses. */
  secrets: string[];
  /** Names of the packet filters on its network cards. */
  filters: string[];
  /** True when its memory is taken from huge pages, which must be set aside before it starts. */
  hugePages: boolean;
  /** Host CPUs it is pinned to, highest number; -1 when it is not pinned. */
  highestPinnedCpu: number;
}

/** Text that is no domain definition. */
export class DomainXmlError extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'DomainXmlError';
  }
}

export function parseDomain(text: string): Domain {
  const root = parseRoot(text);
  const os = child(root, 'os');
  const type = os && child(os, 'type');
  const loader = os && child(os, 'loader');
  const nvram = os && child(os, 'nvram');
  const devices = child(root, 'devices');
  return {
    uuid: textOf(child(root, 'uuid')).toLowerCase(),
    name: textOf(child(root, 'name')),
    virtType: root.getAttribute('type') ?? '',
    arch: attribute(type, 'arch'),
    machine: attribute(type, 'machine'),
    emulator: textOf(devices && child(devices, 'emulator')),
    vcpus: vcpusOf(child(root, 'vcpu')),
    memoryBytes: bytesOf(child(root, 'memory')),
    cpu: cpuOf(child(root, 'cpu')),
    disks: devices ? children(devices, 'disk').map(diskOf) : [],
    nics: devices ? children(devices, 'interface').map(nicOf) : [],
    loader: textOf(loader),
    nvram: textOf(nvram),
    nvramTemplate: attribute(nvram, 'template'),
    firmware: attribute(os, 'firmware'),
    bootFiles: os ? ['kernel', 'initrd', 'dtb'].map((tag) => textOf(child(os, tag))).filter(Boolean) : [],
    tpm: attribute(devices && descend(devices, 'tpm', 'backend'), 'type'),
    hostBound: devices ? hostBoundOf(devices) : [],
    guestAgent: devices ? children(devices, 'channel').some(isConnectedAgent) : false,
    secrets: secretsOf(root),
    filters: attributesOf(root, 'filterref', 'filter'),
    hugePages: descend(root, 'memoryBacking', 'hugepages') !== null,
    highestPinnedCpu: highestCpu([
      ...attributesOf(root, 'vcpupin', 'cpuset'),
      ...attributesOf(root, 'emulatorpin', 'cpuset'),
      attribute(child(root, 'vcpu'), 'cpuset'),
    ]),
  };
}

/**
 * The definition with some disks' image files elsewhere; everything else as it was.
 * A backing chain written into a moved disk is dropped: the copy stands alone.
 */
export function withDiskPaths(text: string, paths: Record<string, string>): string {
  const root = parseRoot(text);
  const devices = child(root, 'devices');
  const disks = devices ? children(devices, 'disk') : [];
  for (const [target, path] of Object.entries(paths)) {
    const disk = disks.find((each) => attribute(child(each, 'target'), 'dev') === target);
    const source = disk && child(disk, 'source');
    if (!disk || !source?.hasAttribute('file')) {
      throw new DomainXmlError(`the definition has no disk ${target} with an image file`);
    }
    source.setAttribute('file', path);
    const backing = child(disk, 'backingStore');
    if (backing) disk.removeChild(backing);
  }
  return new XMLSerializer().serializeToString(root);
}

export function parseRoot(text: string): Element {
  const root = parsed(text);
  if (root?.tagName !== 'domain') throw new DomainXmlError('not a domain definition');
  return root;
}

function parsed(text: string): Element | null {
  let problem: string | null = null;
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== 'warning') problem ??= message;
      },
    });
    const root = parser.parseFromString(text, 'text/xml').documentElement;
    if (problem === null) return root;
  } catch (error) {
    problem ??= error instanceof Error ? error.message : String(error);
  }
  throw new DomainXmlError(problem);
}

/** Child elements; those of one tag only when it is given. */
export function children(parent: Element, tag: string | null = null): Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild; node; node = node.nextSibling) {
    if (node.nodeType === node.ELEMENT_NODE && (tag === null || node.nodeName === tag))
      found.push(node as Element);
  }
  return found;
}

export const child = (parent: Element, tag: string): Element | null => children(parent, tag)[0] ?? null;

function descend(parent: Element, ...tags: string[]): Element | null {
  let at: Element | null = parent;
  for (const tag of tags) at = at && child(at, tag);
  return at;
}

const textOf = (element: Element | null): string => element?.textContent?.trim() ?? '';
export const attribute = (element: Element | null, name: string): string => element?.getAttribute(name) ?? '';

/** A disk with content of its own, which a copy needs. */
export const isWritable = (disk: Element): boolean =>
  (disk.getAttribute('device') ?? 'disk') === 'disk' && child(disk, 'readonly') === null;

/** Units as in libvirt's "scaled integers"; KiB when none is given. */
const UNIT_BYTES: Record<string, number> = {
  b: 1,
  bytes: 1,
  kb: 1e3,
  k: 1024,
  kib: 1024,
  mb: 1e6,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  gb: 1e9,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  tb: 1e12,
  t: 1024 ** 4,
  tib: 1024 ** 4,
};

function bytesOf(element: Element | null): number {
  const unit = attribute(element, 'unit').toLowerCase() || 'kib';
  return Number(textOf(element) || 0) * (UNIT_BYTES[unit] ?? 1024);
}

function vcpusOf(element: Element | null): number {
  return Number(attribute(element, 'current') || textOf(element) || 1);
}

function cpuOf(element: Element | null): DomainCpu | null {
  if (!element) return null;
  return {
    // Without the attribute libvirt means "custom", or topology only when there is no model either.
    mode: attribute(element, 'mode') || 'custom',
    model: textOf(child(element, 'model')),
    xml: new XMLSerializer().serializeToString(element),
  };
}

function diskOf(element: Element): DomainDisk {
  const source = child(element, 'source');
  const device = element.getAttribute('device') ?? 'disk';
  return {
    target: attribute(child(element, 'target'), 'dev'),
    path: attribute(source, 'file') || attribute(source, 'dev'),
    format: attribute(child(element, 'driver'), 'type') || 'raw',
    sizeBytes: 0,
    readOnly: child(element, 'readonly') !== null,
    device: device === 'cdrom' || device === 'floppy' || device === 'lun' ? device : 'disk',
    type: element.getAttribute('type') ?? 'file',
    shareable: child(element, 'shareable') !== null,
    transient: child(element, 'transient') !== null,
    backing: descend(element, 'backingStore', 'source') !== null,
  };
}

function nicOf(element: Element): NicInfo {
  const source = child(element, 'source');
  const names = ['bridge', 'network', 'dev', 'name', 'portgroup'];
  return {
    mac: attribute(child(element, 'mac'), 'address').toLowerCase(),
    type: element.getAttribute('type') ?? '',
    source: names.map((name) => attribute(source, name)).find(Boolean) ?? '',
  };
}

function isConnectedAgent(channel: Element): boolean {
  const target = child(channel, 'target');
  return attribute(target, 'name') === 'org.qemu.guest_agent.0' && attribute(target, 'state') === 'connected';
}

function hostBoundOf(devices: Element): string[] {
  const found: string[] = [];
  for (const each of children(devices, 'hostdev')) {
    found.push(`a ${attribute(each, 'type').toUpperCase() || 'host'} device passed through`);
  }
  for (const each of children(devices, 'interface')) {
    const type = each.getAttribute('type') ?? '';
    if (type === 'hostdev' || type === 'vdpa' || type === 'vhostuser')
      found.push(`a network card of type ${type}`);
  }
  for (const each of children(devices, 'filesystem')) {
    const source = child(each, 'source');
    found.push(
      `the host folder ${attribute(source, 'dir') || attribute(source, 'file') || '?'} shared into it`,
    );
  }
  for (const each of children(devices, 'shmem'))
    found.push(`shared memory "${each.getAttribute('name') ?? ''}"`);
  for (const each of children(devices, 'memory')) {
    const model = each.getAttribute('model') ?? '';
    if (model === 'nvdimm' || model === 'virtio-pmem') found.push(`persistent memory (${model})`);
  }
  return found;
}

function secretsOf(root: Element): string[] {
  return Array.from(root.getElementsByTagName('secret'))
    .map((secret) => attribute(secret, 'uuid') || attribute(secret, 'usage'))
    .filter(Boolean);
}

/** An attribute of every element of that name, wherever it stands; empty ones left out. */
function attributesOf(root: Element, tag: string, name: string): string[] {
  return Array.from(root.getElementsByTagName(tag))
    .map((element) => attribute(element, name))
    .filter(Boolean);
}

/** Highest number in CPU sets such as "0-3,^2,6"; -1 for none. */
function highestCpu(sets: string[]): number {
  const numbers = sets.flatMap((set) => set.split(',').filter((part) => !part.startsWith('^')));
  return Math.max(-1, ...numbers.map((part) => Number(part.split('-').at(-1))).filter(Number.isInteger));
}
