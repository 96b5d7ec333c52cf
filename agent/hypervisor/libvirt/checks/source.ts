import type { Check } from '../../../protocol/index.ts';
import type { CopyKept } from '../../hypervisor.ts';
import type { Domain, DomainDisk } from '../domain-xml.ts';
import type { ImageInfo, ImageTrait } from '../image.ts';
import { hostChecks } from './daemons.ts';
import { finding, list, size } from './finding.ts';
import type { HostView } from './host-view.ts';
import type { LibvirtView } from './libvirt-view.ts';

/** Can this guest be protected from where it runs now? */
export async function checkSource(
  domain: Domain,
  state: string,
  host: HostView,
  libvirt: LibvirtView,
  copy: CopyKept = 'ours',
): Promise<Check[]> {
  const name = host.name();
  return [
    running(name, domain, state),
    ...(copy === 'ours' ? await disks(host, domain) : elsewhere(name, domain)),
    hostBound(name, domain),
    ...drives(name, domain),
    ...secrets(name, domain),
    await managedSave(name, domain, libvirt),
    ...(await snapshots(name, domain, libvirt)),
    ...(await hostChecks(host)),
  ];
}

function running(host: string, domain: Domain, state: string): Check {
  const check = finding(host, 'vm-state', 'The machine');
  if (state === 'running') return check.ok(`${domain.name} is running.`);
  if (state === 'paused') {
    return check.warning(
      `${domain.name} is paused; it stays so while its disks are copied.`,
      'Resume it when it should work.',
    );
  }
  return check.failed(
    `${domain.name} is ${state}; its disks can be copied only while it runs.`,
    `Start ${domain.name}, then try again.`,
  );
}

/** With content of their own, whatever they are: those that cannot be copied are told. */
const ownDisks = (domain: Domain): DomainDisk[] =>
  domain.disks.filter((disk) => disk.device !== 'cdrom' && disk.device !== 'floppy' && !disk.readOnly);

async function disks(host: HostView, domain: Domain): Promise<Check[]> {
  const name = host.name();
  const copied = ownDisks(domain);
  if (copied.length === 0) {
    return [
      finding(name, 'disks', 'Its disks').failed(
        `${domain.name} has no disk that could be copied.`,
        'Choose a machine with a disk of its own.',
      ),
    ];
  }
  const images = await Promise.all(copied.map((disk) => host.image(disk.path)));
  const findings = copied.flatMap((disk, index) => diskFindings(name, disk, images[index] ?? null));
  const failed = findings.some((check) => check.state === 'failed');
  if (failed) return findings;
  const total = images.reduce((sum, image) => sum + (image?.virtualBytes ?? 0), 0);
  const targets = copied.map((disk) => disk.target);
  return [
    finding(name, 'disks', 'Its disks').ok(
      `${list(targets)} (${size(total)}) can be copied while the machine runs.`,
    ),
    ...findings,
  ];
}

function diskFindings(host: string, disk: DomainDisk, image: ImageInfo | null): Check[] {
  const check = finding(host, `disk-${disk.target}`, `Disk ${disk.target}`);
  const refusal = refusalOf(disk, image);
  if (refusal) return [check.failed(`${disk.target} cannot be copied: ${refusal.reason}.`, refusal.next)];
  if (image === null) return [];
  return image.traits.flatMap((trait) => {
    const text = TRAIT_WARNINGS[trait];
    return text ? [check.warning(`${disk.target}: ${text.message}`, text.next)] : [];
  });
}

/** Nothing is read of them: whoever keeps the copy has to manage with what they are. */
function elsewhere(host: string, domain: Domain): Check[] {
  const own = ownDisks(domain);
  const check = finding(host, 'disks', 'Its disks');
  const [unfit] = own.flatMap((disk) => {
    const reason = notReached(disk);
    return reason === null ? [] : [{ disk, reason }];
  });
  if (own.length === 0)
    return [check.failed(`${domain.name} has no disk of its own.`, 'Choose a machine with a disk.')];
  if (unfit)
    return [
      check.failed(
        `${unfit.disk.target} cannot be used from another host: ${unfit.reason}.`,
        'Use image files or block devices that both hosts have at the same path.',
      ),
    ];
  return [check.ok(`${list(own.map(({ target }) => target))}: kept by their storage; nothing is copied.`)];
}

function notReached(disk: DomainDisk): string | null {
  if (disk.device === 'lun') return 'it is a SCSI device passed through';
  if (disk.type !== 'file' && disk.type !== 'block') return `its source is of type "${disk.type}"`;
  if (disk.path === '') return 'it has no source';
  if (disk.shareable) return 'other machines may write to it (shareable)';
  if (disk.transient) return 'its changes are thrown away at each stop (transient)';
  return null;
}

interface Refusal {
  reason: string;
  next: string;
}

const USE_FILE = 'Move it into a qcow2 or raw image file on this host.';

/** Why a disk cannot be replicated; null when it can. */
function refusalOf(disk: DomainDisk, image: ImageInfo | null): Refusal | null {
  if (disk.device === 'lun') return { reason: 'it is a SCSI device passed through', next: USE_FILE };
  if (disk.type !== 'file')
    return { reason: `its source is of type "${disk.type}", not an image file`, next: USE_FILE };
  if (disk.path === '') return { reason: 'it has no image', next: 'Remove the disk, or give it an image.' };
  if (disk.shareable)
    return { reason: 'other machines may write to it (shareable)', next: 'Take "shareable" away.' };
  if (disk.transient)
    return { reason: 'its changes are thrown away at each stop (transient)', next: 'Take "transient" away.' };
  if (disk.format !== 'qcow2' && disk.format !== 'raw') {
    return {
      reason: `its format is ${disk.format}`,
      next: `Convert it: qemu-img convert -O qcow2 ${disk.path} NEW.`,
    };
  }
  return imageRefusal(disk, image);
}

function imageRefusal(disk: DomainDisk, image: ImageInfo | null): Refusal | null {
  if (image === null) {
    return {
      reason: `${disk.path} is missing or no regular file`,
      next: 'Look whether its file system is mounted.',
    };
  }
  if (disk.format === 'qcow2' && image.format !== 'qcow2') {
    return { reason: `${disk.path} is no qcow2 image`, next: 'Correct its format in the definition.' };
  }
  if (disk.format === 'raw') return null;
  const trait = image.traits.find((each) => each in TRAIT_REFUSALS);
  return trait ? (TRAIT_REFUSALS[trait] ?? null) : null;
}

const TRAIT_REFUSALS: Partial<Record<ImageTrait, Refusal>> = {
  corrupt: {
    reason: 'its image is marked corrupt',
    next: 'Stop the machine and run qemu-img check -r all on it.',
  },
  encrypted: {
    reason: 'its image is encrypted',
    next: 'Use an unencrypted image on an encrypted file system.',
  },
  'external-data': {
    reason: 'its data lies in a second file',
    next: 'Convert it with qemu-img convert -O qcow2.',
  },
};

const TRAIT_WARNINGS: Partial<Record<ImageTrait, { message: string; next: string }>> = {
  'backing-file': {
    message: 'its image builds on another one; the standby gets one image with everything in it.',
    next: 'Nothing to do, unless snapshots in that chain must exist on the standby too.',
  },
  snapshots: {
    message: 'its image holds internal snapshots; the standby gets the current state only.',
    next: 'Keep the snapshots elsewhere if they are needed after a failover.',
  },
};

function hostBound(host: string, domain: Domain): Check {
  const check = finding(host, 'host-devices', 'Devices of this host');
  const found = domain.tpm === 'passthrough' ? [...domain.hostBound, "the host's TPM"] : domain.hostBound;
  if (found.length === 0) return check.ok('It uses no device or folder that only this host has.');
  return check.failed(
    `It uses ${list(found)}, which the standby does not have.`,
    'Remove it from the machine, or protect the machine by other means.',
  );
}

function drives(host: string, domain: Domain): Check[] {
  const loaded = domain.disks.filter(
    (disk) => (disk.device === 'cdrom' || disk.device === 'floppy') && disk.path !== '',
  );
  return loaded.map((disk) =>
    finding(host, `drive-${disk.target}`, `Drive ${disk.target}`).warning(
      `${disk.path} is in drive ${disk.target}; without the same file on the standby the machine cannot start there.`,
      `Eject it (virsh change-media ${domain.name} ${disk.target} --eject --config --live), or copy the file to the standby.`,
    ),
  );
}

function secrets(host: string, domain: Domain): Check[] {
  if (domain.secrets.length === 0) return [];
  return [
    finding(host, 'secrets', 'Secrets').warning(
      `It uses ${domain.secrets.length === 1 ? 'a secret' : `${domain.secrets.length} secrets`} kept by libvirt on this host.`,
      'Define the same secrets on the standby (virsh secret-define, secret-set-value).',
    ),
  ];
}

/** Of this machine on this host: libvirt would resume it at the next start, whatever its disks hold by then. */
async function managedSave(host: string, domain: Domain, libvirt: LibvirtView): Promise<Check> {
  const check = finding(host, 'managed-save', 'Saved memory');
  if (!(await libvirt.hasManagedSave(domain.uuid))) return check.ok('No saved memory waits to be resumed.');
  return check.failed(
    `Saved memory of ${domain.name} waits to be resumed; it would meet disks that have moved on.`,
    `Discard it, as a power cut would: virsh managedsave-remove ${domain.name}. Or start the machine once.`,
    'discard-saved-memory',
  );
}

async function snapshots(host: string, domain: Domain, libvirt: LibvirtView): Promise<Check[]> {
  const count = await libvirt.snapshotCount(domain.uuid);
  if (count === 0) return [];
  return [
    finding(host, 'snapshots', 'Snapshots').warning(
      `libvirt knows ${count} snapshot${count === 1 ? '' : 's'} of ${domain.name}; they stay on this host.`,
      'Keep what must survive elsewhere.',
    ),
  ];
}
