import { DOMParser, type Element, XMLSerializer } from '@xmldom/xmldom';
import type { NicInfo } from '../../protocol/index.ts';
import type { VmDefinition } from '../hypervisor.ts';

/** What a simulated guest is like; it travels inside the definition, as a real guest's nature lies on its disks. */
export interface GuestNature {
  /** Typical share of its own vCPUs in use, 0..1. */
  cpu: number;
  /** Typical share of its memory in use, 0..1. */
  memory: number;
  /** The guest's own address; the same wherever it runs. */
  address: string;
  /** How full its disks are, 0..1. */
  fill: number;
}

export interface GuestDraft {
  uuid: string;
  name: string;
  vcpus: number;
  memoryBytes: number;
  bridge: string;
  disks: { target: string; path: string; sizeBytes: number }[];
  nature: GuestNature;
}

/** A definition as the simulated hypervisor understands it. */
export interface ParsedDomain {
  definition: VmDefinition;
  vcpus: number;
  memoryBytes: number;
  nics: NicInfo[];
  nature: GuestNature;
}

const KIB = 1024;

/** Libvirt's domain XML (https://libvirt.org/formatdomain.html), reduced to what the simulation uses. */
export function domainText(draft: GuestDraft): string {
  const { nature } = draft;
  const disks = draft.disks.map(
    (disk) => `    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='${quoted(disk.path)}'/>
      <target dev='${disk.target}' bus='virtio'/>
      <simulated size='${disk.sizeBytes}'/>
    </disk>`,
  );
  return `<domain type='simulated'>
  <name>${quoted(draft.name)}</name>
  <uuid>${draft.uuid}</uuid>
  <metadata>
    <simulated cpu='${nature.cpu}' memory='${nature.memory}' fill='${nature.fill}' address='${nature.address}'/>
  </metadata>
  <memory unit='KiB'>${Math.round(draft.memoryBytes / KIB)}</memory>
  <vcpu>${draft.vcpus}</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
${disks.join('\n')}
    <interface type='bridge'>
      <mac address='${macOf(draft.uuid)}'/>
      <source bridge='${quoted(draft.bridge)}'/>
      <model type='virtio'/>
    </interface>
  </devices>
</domain>
`;
}

/** Null when the text is no domain definition. */
export function parseDomain(text: string): ParsedDomain | null {
  const root = rootOf(text);
  const uuid = root && textOf(root, 'uuid');
  const name = root && textOf(root, 'name');
  if (!root || !uuid || !name) return null;
  const nature = root.getElementsByTagName('metadata')[0]?.getElementsByTagName('simulated')[0];
  return {
    definition: { uuid: uuid.toLowerCase(), name, text, disks: elements(root, 'disk').map(diskOf) },
    vcpus: Number(textOf(root, 'vcpu') ?? 1),
    memoryBytes: Number(textOf(root, 'memory') ?? 0) * KIB,
    nics: elements(root, 'interface').map(nicOf),
    nature: {
      cpu: Number(nature?.getAttribute('cpu') ?? 0.1),
      memory: Number(nature?.getAttribute('memory') ?? 0.5),
      fill: Number(nature?.getAttribute('fill') ?? 0.5),
      address: nature?.getAttribute('address') ?? '',
    },
  };
}

/** The definition with the images of its disks (by target) at other paths. */
export function withDiskPaths(text: string, paths: Record<string, string>): string {
  const root = rootOf(text);
  if (!root) return text;
  for (const disk of elements(root, 'disk')) {
    const path = paths[child(disk, 'target')?.getAttribute('dev') ?? ''];
    if (path !== undefined) child(disk, 'source')?.setAttribute('file', path);
  }
  return new XMLSerializer().serializeToString(root);
}

function rootOf(text: string): Element | null {
  try {
    // xmldom reports problems by this callback; any of them makes the text unusable.
    const onError = (_level: string, message: string): never => {
      throw new Error(message);
    };
    const root = new DOMParser({ onError }).parseFromString(text, 'text/xml').documentElement;
    return root?.tagName === 'domain' ? root : null;
  } catch {
    return null;
  }
}

function diskOf(disk: Element): VmDefinition['disks'][number] {
  return {
    target: child(disk, 'target')?.getAttribute('dev') ?? '',
    path: child(disk, 'source')?.getAttribute('file') ?? '',
    format: child(disk, 'driver')?.getAttribute('type') ?? 'raw',
    sizeBytes: Number(child(disk, 'simulated')?.getAttribute('size') ?? 0),
    readOnly: child(disk, 'readonly') !== undefined,
    device: disk.getAttribute('device') ?? 'disk',
  };
}

function nicOf(nic: Element): NicInfo {
  return {
    mac: child(nic, 'mac')?.getAttribute('address') ?? '',
    type: nic.getAttribute('type') ?? 'bridge',
    source: child(nic, 'source')?.getAttribute('bridge') ?? '',
  };
}

const elements = (root: Element, tag: string): Element[] => Array.from(root.getElementsByTagName(tag));
const child = (root: Element, tag: string): Element | undefined => root.getElementsByTagName(tag)[0];
const textOf = (root: Element, tag: string): string | undefined =>
  child(root, tag)?.textContent?.trim() ?? undefined;

/** QEMU's own prefix, the rest from the UUID. */
function macOf(uuid: string): string {
  const tail = uuid.replaceAll('-', '').slice(-6);
  return `52:54:00:${tail.slice(0, 2)}:${tail.slice(2, 4)}:${tail.slice(4, 6)}`;
}

function quoted(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    "'": '&apos;',
    '"': '&quot;',
  };
  return text.replace(/[&<>'"]/g, (character) => entities[character] ?? character);
}
