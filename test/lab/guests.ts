import { constants } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isFrozen } from './cgroup.ts';
import { BOOT_FOLDER, type GuestImages } from './guest-image.ts';
import { execInHost, rootOf } from './host.ts';
import type { GuestPlan, Places } from './places.ts';
import { NETWORK } from './places.ts';
import { CommandFailed } from './run.ts';
import type { LabState } from './state.ts';

const IMAGES = '/var/lib/libvirt/images';
const MACHINE = 'pc-q35-7.2';

interface DiskPlan {
  target: string;
  /** Path on the host. */
  path: string;
}

interface DomainPlan {
  name: string;
  uuid: string;
  memoryMiB: number;
  disks: DiskPlan[];
  mac: string;
  /** Kernel command line for direct boot; null leaves the machine to its (empty) disk. */
  kernel: string | null;
}

const disksOf = (name: string): DiskPlan[] =>
  ['vda', 'vdb'].map((target) => ({ target, path: `${IMAGES}/${name}-${target}.qcow2` }));

function diskXml(disk: DiskPlan): string {
  return `<disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='${disk.path}'/>
      <target dev='${disk.target}' bus='virtio'/>
    </disk>`;
}

/** Emulated (no KVM), versioned machine type, disks uncached, on the host's bridge, with a guest agent channel. */
function domainXml(plan: DomainPlan): string {
  const boot =
    plan.kernel === null
      ? "<boot dev='hd'/>"
      : `<kernel>${BOOT_FOLDER}/vmlinuz</kernel><initrd>${BOOT_FOLDER}/initrd.img</initrd>
    <cmdline>${plan.kernel}</cmdline>`;
  return `<domain type='qemu'>
  <name>${plan.name}</name>
  <uuid>${plan.uuid}</uuid>
  <memory unit='MiB'>${plan.memoryMiB}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='${MACHINE}'>hvm</type>
    ${boot}
  </os>
  <features><acpi/><apic/></features>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${plan.disks.map(diskXml).join('\n    ')}
    <interface type='bridge'>
      <mac address='${plan.mac}'/><source bridge='br0'/><model type='virtio'/>
    </interface>
    <controller type='usb' model='none'/>
    <serial type='file'><source path='/var/log/libvirt/qemu/${plan.name}-console.log'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <memballoon model='virtio'/>
  </devices>
</domain>
`;
}

async function inHost(places: Places, host: string, argv: string[], input = ''): Promise<string> {
  const result = await execInHost(places, host, argv, { input });
  if (result.code !== 0) throw new CommandFailed([host, ...argv], result);
  return result.stdout;
}

const virsh = (places: Places, host: string, ...argv: string[]): Promise<string> =>
  inHost(places, host, ['virsh', '--quiet', ...argv]);

/** Through a pipe of the host's own, because Node's is a socket, which /dev/stdin cannot open again. */
const define = (places: Places, host: string, xml: string): Promise<string> =>
  inHost(places, host, ['sh', '-c', 'cat | virsh --quiet define /dev/stdin'], xml);

/** The guest's empty disks on its home host. Only for a host that is off, or a guest that is not defined. */
export async function copyDisks(
  places: Places,
  images: GuestImages,
  host: string,
  name: string,
): Promise<void> {
  const root = rootOf(places, host);
  await mkdir(join(root, IMAGES), { recursive: true });
  for (const disk of disksOf(name)) {
    await copyFile(images.disk, join(root, disk.path), constants.COPYFILE_FICLONE);
  }
}

export async function isDefined(places: Places, host: string, name: string): Promise<boolean> {
  const names = await virsh(places, host, 'list', '--all', '--name');
  return names.split('\n').includes(name);
}

/** Defines the guest on its home, to be started with the host, and starts it. */
export async function defineGuest(places: Places, guest: GuestPlan): Promise<void> {
  const xml = domainXml({
    name: guest.name,
    uuid: guest.uuid,
    memoryMiB: 128,
    disks: disksOf(guest.name),
    mac: guest.mac,
    kernel: `console=ttyS0 quiet lab.name=${guest.name} lab.address=${guest.address}/${NETWORK.prefix}`,
  });
  await define(places, guest.home, xml);
  await virsh(places, guest.home, 'autostart', guest.name);
  await virsh(places, guest.home, 'start', guest.name);
}

/** `count` defined guests that do nothing and are off, for measuring an agent that watches them. */
export async function defineIdleVms(places: Places, host: string, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let index = 1; index <= count; index++) {
    const name = `idle${String(index).padStart(2, '0')}`;
    const disk = { target: 'vda', path: `${IMAGES}/${name}-vda.qcow2` };
    const hex = index.toString(16).padStart(2, '0');
    if (!(await isDefined(places, host, name))) {
      await inHost(places, host, ['qemu-img', 'create', '-q', '-f', 'qcow2', disk.path, '64M']);
      const xml = domainXml({
        name,
        uuid: `7e570000-0000-4000-8001-0000000000${hex}`,
        memoryMiB: 32,
        disks: [disk],
        mac: `52:54:00:77:01:${hex}`,
        kernel: null,
      });
      await define(places, host, xml);
    }
    names.push(name);
  }
  return names;
}

/** Names of the guests that run now, each with the hosts on which it does. Frozen hosts cannot be asked. */
export async function runningGuests(places: Places, state: LabState): Promise<Map<string, string[]>> {
  const running = new Map<string, string[]>();
  for (const host of state.hosts.filter((candidate) => candidate.role === 'hypervisor')) {
    if (await isFrozen({ lab: places.lab, host: host.name })) continue;
    const result = await execInHost(places, host.name, ['virsh', '--quiet', 'list', '--name']);
    for (const name of result.stdout.split('\n').filter(Boolean)) {
      running.set(name, [...(running.get(name) ?? []), host.name]);
    }
  }
  return running;
}
