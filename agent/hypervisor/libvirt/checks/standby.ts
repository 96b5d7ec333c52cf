import type { Check, VmInfo } from '../../../protocol/index.ts';
import { type CopyKept, isCopied, type VmDefinition } from '../../hypervisor.ts';
import type { Domain } from '../domain-xml.ts';
import { hostChecks } from './daemons.ts';
import { finding, list } from './finding.ts';
import type { HostView } from './host-view.ts';
import type { LibvirtView } from './libvirt-view.ts';
import { checkNetworks } from './networks.ts';
import { checkSpace, proposePaths } from './placement.ts';
import { checkPlatform } from './platform.ts';
import { checkResources } from './resources.ts';

export interface StandbyQuestion {
  definition: VmDefinition;
  domain: Domain;
  /** Guests already on this host. */
  guests: VmInfo[];
  host: HostView;
  libvirt: LibvirtView;
  copy?: CopyKept;
}

/** Could this guest stand by, and run, on this host? */
export async function checkStandby(
  question: StandbyQuestion,
): Promise<{ checks: Check[]; paths: Record<string, string> }> {
  const { definition, domain, guests, host, libvirt } = question;
  const disks = definition.disks.filter(isCopied);
  const elsewhere = question.copy === 'elsewhere';
  const paths = elsewhere
    ? Object.fromEntries(disks.map(({ target, path }) => [target, path]))
    : await proposePaths(disks, host);
  const name = host.name();
  const checks = [
    ...(elsewhere
      ? [await disksThere(disks, host)]
      : [
          await checkSpace(disks, paths, host),
          storageDaemon(name, await findProgram('qemu-storage-daemon', host)),
        ]),
    ...(await checkResources(domain, host)),
    ...(await checkPlatform(domain, host, libvirt)),
    ...(await checkNetworks(domain, host, libvirt)),
    ...(await firmware(domain, host)),
    await files(domain, host),
    twins(definition, domain, guests, name),
    ...(await hostChecks(host)),
  ];
  return { checks, paths };
}

/** Kept by somebody else: at the same paths on both hosts. */
async function disksThere(disks: { path: string }[], host: HostView): Promise<Check> {
  const check = finding(host.name(), 'disks', 'Its disks');
  const missing: string[] = [];
  for (const { path } of disks) if (!(await host.exists(path))) missing.push(path);
  if (missing.length === 0)
    return check.ok(`${list(disks.map(({ path }) => path))}: there on ${host.name()} too.`);
  return check.failed(
    `${host.name()} has no ${list(missing)}.`,
    'Give both hosts the disks at the same paths: mount the storage, set up the replication, or link the path to where it lies.',
  );
}

const PROGRAM_FOLDERS = ['/usr/bin', '/usr/local/bin', '/usr/libexec', '/usr/sbin'];

async function findProgram(program: string, host: HostView): Promise<boolean> {
  const found = await Promise.all(PROGRAM_FOLDERS.map((folder) => host.exists(`${folder}/${program}`)));
  return found.includes(true);
}

function storageDaemon(host: string, present: boolean): Check {
  const check = finding(host, 'storage-daemon', 'Storage daemon');
  return present
    ? check.ok('qemu-storage-daemon is installed.')
    : check.failed(
        'qemu-storage-daemon is not installed; it keeps the copy of the disks.',
        'Install it: apt install qemu-system-common (Debian, Ubuntu).',
      );
}

async function firmware(domain: Domain, host: HostView): Promise<Check[]> {
  if (domain.loader === '' && domain.nvram === '') return [];
  const check = finding(host.name(), 'firmware', 'Firmware');
  if (domain.loader !== '' && !(await host.exists(domain.loader))) {
    return [
      check.failed(
        `The firmware ${domain.loader} is missing on ${host.name()}.`,
        'Install the same firmware package as on the other host (Debian: ovmf).',
      ),
    ];
  }
  if (domain.nvram === '' || (await host.exists(domain.nvram)))
    return [check.ok('The firmware is here too.')];
  if (domain.nvramTemplate !== '' && !(await host.exists(domain.nvramTemplate))) {
    return [
      check.failed(
        `Neither the firmware's variables ${domain.nvram} nor their template are on ${host.name()}.`,
        `Copy ${domain.nvram} from the other host to the same path.`,
      ),
    ];
  }
  return [
    check.warning(
      `The firmware's variables ${domain.nvram} are not copied; at a failover the machine starts with fresh ones, without its boot entries.`,
      `Copy ${domain.nvram} from the other host to the same path.`,
    ),
  ];
}

/** Files QEMU opens on this host at each start, besides the disks that are copied. */
async function files(domain: Domain, host: HostView): Promise<Check> {
  const check = finding(host.name(), 'files', 'Other files it needs');
  const media = domain.disks
    .filter((disk) => disk.device !== 'disk' || disk.readOnly)
    .map((disk) => disk.path);
  const needed = [...new Set([...domain.bootFiles, ...media])].filter((path) => path !== '');
  const missing: string[] = [];
  for (const path of needed) if (!(await host.exists(path))) missing.push(path);
  if (missing.length > 0) {
    return check.failed(
      `${list(missing)} ${missing.length === 1 ? 'is' : 'are'} missing on ${host.name()}; without ${missing.length === 1 ? 'it' : 'them'} the machine cannot start there.`,
      'Copy it to the same path, or take it out of the machine (eject the medium).',
    );
  }
  return check.ok(needed.length === 0 ? 'It needs none.' : `${list(needed)}: present here too.`);
}

/** Another guest that would be in the way: the same UUID, name or network address. */
function twins(definition: VmDefinition, domain: Domain, guests: VmInfo[], host: string): Check {
  const check = finding(host, 'name', 'Name and identity');
  const same = guests.find((guest) => guest.uuid === definition.uuid);
  if (same) {
    return check.failed(
      `${host} already has a machine with the same UUID: ${same.name}, ${same.state}.`,
      same.state === 'stopped'
        ? `If it is an old copy, undefine it on ${host} (virsh undefine ${same.name} --keep-nvram) and try again.`
        : `Find out which of the two is the real one; never run both.`,
    );
  }
  const named = guests.find((guest) => guest.name === definition.name);
  if (named) {
    return check.failed(
      `Another machine named ${definition.name} is already defined on ${host}.`,
      'Rename one of the two (virsh domrename).',
    );
  }
  const macs = new Set(domain.nics.map((nic) => nic.mac).filter(Boolean));
  const shared = guests.find((guest) => guest.nics.some((nic) => macs.has(nic.mac)));
  if (shared) {
    return check.warning(
      `${shared.name} on ${host} has a network card with the same address (MAC).`,
      `Give ${shared.name} another one, or the two disturb each other after a failover.`,
    );
  }
  return check.ok('Its name and UUID are free on this host.');
}
