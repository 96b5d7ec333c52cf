import { type Domain, DomainXmlError, parseDomain } from '../libvirt/domain-xml.ts';

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
export interface ParsedDomain extends Domain {
  text: string;
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
export function readDomain(text: string): ParsedDomain | null {
  try {
    const domain = parseDomain(text);
    if (domain.uuid === '' || domain.name === '') return null;
    const [, attributes = ''] = /<simulated ([^>]*cpu=[^>]*)\/>/.exec(text) ?? [];
    const attribute = (name: string): string =>
      new RegExp(`\\b${name}=['"]([^'"]*)['"]`).exec(attributes)?.[1] ?? '';
    return {
      ...domain,
      text,
      nature: {
        cpu: Number(attribute('cpu') || 0.1),
        memory: Number(attribute('memory') || 0.5),
        fill: Number(attribute('fill') || 0.5),
        address: attribute('address'),
      },
    };
  } catch (error) {
    if (error instanceof DomainXmlError) return null;
    throw error;
  }
}

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
