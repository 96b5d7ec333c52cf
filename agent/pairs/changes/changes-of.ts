import type { VmDefinition } from '../../hypervisor/hypervisor.ts';
import type { Outline } from '../../hypervisor/outline.ts';
import type { ChangeKind, MachineChange, PairDisk } from '../../protocol/index.ts';

type Disk = Pick<VmDefinition['disks'][number], 'target' | 'path' | 'format' | 'sizeBytes'>;

/** A machine as it is kept by its pair, or as its host shows it. */
export interface Machine {
  outline: Outline;
  /** Those whose content is copied; `sizeBytes` 0: nobody can tell. */
  disks: Disk[];
}

/** Disks of a pair as one host has them. */
export const disksOn = (disks: PairDisk[], hostId: string): Disk[] =>
  disks.map(({ target, format, sizeBytes, paths }) => ({
    target,
    format,
    sizeBytes,
    path: paths[hostId] ?? '',
  }));

const PARTS: Record<string, string> = {
  os: 'its firmware or boot order',
  cpu: 'its processor model',
  vcpu: 'how many processors it may have, or on which of the host they run',
  currentMemory: 'how much of its memory it uses',
  hostdev: 'devices of the host passed through to it',
  filesystem: 'folders of the host shared into it',
  graphics: 'its screen',
  video: 'its screen',
  console: 'its console',
  serial: 'its console',
  controller: 'its controllers',
  metadata: 'notes of other tools on it',
};

/** What has become another, each in one sentence; disks first. Pure. */
export function changesOf(before: Machine, after: Machine): MachineChange[] {
  return [...ofDisks(before.disks, after.disks), ...ofOutline(before.outline, after.outline)];
}

function ofDisks(before: Disk[], after: Disk[]): MachineChange[] {
  const known = new Map(before.map((disk) => [disk.target, disk]));
  const found = after.flatMap((disk) => {
    const own = known.get(disk.target);
    known.delete(disk.target);
    return own ? ofDisk(own, disk) : [added(disk)];
  });
  const gone = [...known.values()].map(({ target, path }) =>
    change('disk-removed', `Disk ${target} (${path}) was taken out.`, target),
  );
  return [...found, ...gone];
}

const added = ({ target, path, sizeBytes }: Disk): MachineChange =>
  change(
    'disk-added',
    `Disk ${target} (${path}${sizeBytes > 0 ? `, ${size(sizeBytes)}` : ''}) was added.`,
    target,
  );

function ofDisk(before: Disk, after: Disk): MachineChange[] {
  const { target } = before;
  const found: MachineChange[] = [];
  if (before.path !== after.path || before.format !== after.format)
    found.push(
      change(
        'disk-moved',
        `Disk ${target} lies in ${after.path} (${after.format}) now, and no longer in ${before.path}: a snapshot, or another image.`,
        target,
      ),
    );
  // Nobody could read how large it is: no change is known.
  if (after.sizeBytes === 0 || before.sizeBytes === after.sizeBytes) return found;
  const grown = after.sizeBytes > before.sizeBytes;
  const text = `Disk ${target} was ${grown ? 'enlarged' : 'made smaller'}: ${size(before.sizeBytes)} before, ${size(after.sizeBytes)} now.`;
  return [...found, change(grown ? 'disk-grown' : 'disk-shrunk', text, target)];
}

function ofOutline(before: Outline, after: Outline): MachineChange[] {
  const found: MachineChange[] = [];
  if (before.name !== after.name)
    found.push(change('name', `It is called ${after.name} now, and ${before.name} before.`));
  if (before.memoryBytes !== after.memoryBytes)
    found.push(
      change('memory', `Its memory: ${size(before.memoryBytes)} before, ${size(after.memoryBytes)} now.`),
    );
  if (before.vcpus !== after.vcpus)
    found.push(change('vcpus', `Its processors: ${before.vcpus} before, ${after.vcpus} now.`));
  return [...found, ...ofNics(before, after), ...ofDrives(before, after), ...ofTheRest(before, after)];
}

function ofNics({ nics: before }: Outline, { nics: after }: Outline): MachineChange[] {
  return both(before, after).flatMap((mac) => {
    const [own, now] = [before[mac], after[mac]];
    if (own?.all === now?.all) return [];
    if (!own) return change('nic', `Network card ${mac} was added, on ${now?.source || 'no network'}.`);
    if (!now) return change('nic', `Network card ${mac} (${own.source || 'no network'}) was taken out.`);
    return own.source === now.source
      ? change('nic', `Network card ${mac} was set up anew.`)
      : change(
          'nic',
          `Network card ${mac} is on ${now.source || 'no network'} now, and ${own.source} before.`,
        );
  });
}

function ofDrives({ drives: before }: Outline, { drives: after }: Outline): MachineChange[] {
  return both(before, after).flatMap((target) => {
    const [own, now] = [before[target], after[target]];
    if (own === now) return [];
    if (now === undefined) return change('drive', `Drive ${target} was taken out.`, target);
    if (own === undefined)
      return change('drive', `Drive ${target} was added${now && `, with ${now}`}.`, target);
    return change('drive', `Drive ${target}: ${now || 'empty'} now, ${own || 'empty'} before.`, target);
  });
}

function ofTheRest(before: Outline, after: Outline): MachineChange[] {
  const said = before.vcpus === after.vcpus ? [] : ['vcpu'];
  const parts = both(before.parts, after.parts).filter(
    (part) => before.parts[part] !== after.parts[part] && !said.includes(part),
  );
  const words = [...new Set(parts.map((part) => PARTS[part] ?? `"${part}" of its definition`))];
  // A disk that came or went says so itself.
  const set = Object.keys(before.disks).filter(
    (target) => after.disks[target] !== undefined && after.disks[target] !== before.disks[target],
  );
  return [
    ...words.map((text) => change('definition', `Changed: ${text}.`)),
    ...set.map((target) =>
      change('definition', `Disk ${target} was set up anew (its bus, cache, ...).`, target),
    ),
  ];
}

const both = (one: Record<string, unknown>, other: Record<string, unknown>): string[] => [
  ...new Set([...Object.keys(one), ...Object.keys(other)]),
];

const change = (kind: ChangeKind, text: string, target?: string): MachineChange => ({
  kind,
  text,
  ...(target === undefined ? {} : { target }),
});

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

function size(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${Number(value.toFixed(2))} ${UNITS[unit]}`;
}
