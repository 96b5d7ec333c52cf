import { beforeEach, describe, expect, it } from 'vitest';
import type { Check } from '../../../protocol/index.ts';
import { parseDomain } from '../domain-xml.ts';
import { checkSource } from './source.ts';
import {
  byId,
  type FakeHost,
  type FakeLibvirt,
  fakeHost,
  fakeLibvirt,
  qcow2,
  withoutWayOut,
} from './views.spec-kit.ts';

const GIB = 1024 ** 3;
const DISK = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/erp.qcow2'/><target dev='vda'/></disk>`;

let host: FakeHost;
let libvirt: FakeLibvirt;

beforeEach(() => {
  host = fakeHost();
  libvirt = fakeLibvirt();
  host.images.set('/srv/erp.qcow2', qcow2(4 * GIB));
});

async function check(devices = DISK, state = 'running'): Promise<Check[]> {
  const xml = `<domain type='kvm'><name>erp</name><uuid>7e570000-0000-4000-8000-000000000061</uuid><devices>${devices}</devices></domain>`;
  const checks = await checkSource(parseDomain(xml), state, host, libvirt);
  expect(withoutWayOut(checks)).toEqual([]);
  return checks;
}

const disk = (attributes: string, inside: string): string =>
  `<disk ${attributes}>${inside}<target dev='vda'/></disk>`;
const file = (format: string): string =>
  `<driver name='qemu' type='${format}'/><source file='/srv/erp.qcow2'/>`;

describe('where the guest runs', () => {
  it('finds nothing wrong with an ordinary guest', async () => {
    const checks = await check();
    expect(checks.filter((each) => each.state !== 'ok')).toEqual([]);
    expect(byId(checks).disks?.message).toBe('vda (4.0 GiB) can be copied while the machine runs.');
  });

  it('refuses a guest that does not run, warns of a paused one', async () => {
    expect(byId(await check(DISK, 'stopped'))['vm-state']).toMatchObject({ state: 'failed' });
    expect(byId(await check(DISK, 'paused'))['vm-state']).toMatchObject({ state: 'warning' });
  });

  it.each([
    ['block device', disk("type='block' device='disk'", "<source dev='/dev/vg/erp'/>")],
    ['network disk', disk("type='network' device='disk'", "<source protocol='rbd' name='p/i'/>")],
    ['SCSI pass-through', disk("type='block' device='lun'", "<source dev='/dev/sdx'/>")],
    ['shared disk', disk("type='file' device='disk'", `${file('raw')}<shareable/>`)],
    ['transient disk', disk("type='file' device='disk'", `${file('raw')}<transient/>`)],
    ['other format', disk("type='file' device='disk'", file('vmdk'))],
    ['missing image', disk("type='file' device='disk'", "<driver type='qcow2'/><source file='/none'/>")],
  ])('refuses a %s', async (_name, devices) => {
    const found = byId(await check(devices));
    expect(found['disk-vda']).toMatchObject({ state: 'failed' });
    expect(found.disks).toBeUndefined();
  });

  it.each(['corrupt', 'encrypted', 'external-data'] as const)(
    'refuses an image that is %s',
    async (trait) => {
      host.images.set('/srv/erp.qcow2', qcow2(GIB, [trait]));
      expect(byId(await check())['disk-vda']).toMatchObject({ state: 'failed' });
    },
  );

  it.each(['backing-file', 'snapshots'] as const)('warns of an image with %s', async (trait) => {
    host.images.set('/srv/erp.qcow2', qcow2(GIB, [trait]));
    const found = byId(await check());
    expect(found['disk-vda']).toMatchObject({ state: 'warning' });
    expect(found.disks).toMatchObject({ state: 'ok' });
  });

  it('refuses an image that is not what the definition says', async () => {
    host.images.set('/srv/erp.qcow2', { ...qcow2(GIB), format: 'raw' });
    expect(byId(await check())['disk-vda']).toMatchObject({ state: 'failed' });
  });

  it('takes a raw image as it is, whatever its first bytes', async () => {
    host.images.set('/srv/erp.qcow2', qcow2(GIB, ['backing-file', 'corrupt']));
    const found = byId(await check(disk("type='file' device='disk'", file('raw'))));
    expect(found.disks).toMatchObject({ state: 'ok' });
  });

  it('refuses a guest without a disk', async () => {
    expect(byId(await check('')).disks).toMatchObject({ state: 'failed' });
  });

  it.each([
    ['a PCI device', "<hostdev type='pci'/>"],
    ['a shared folder', "<filesystem type='mount'><source dir='/srv/x'/></filesystem>"],
    ['an SR-IOV card', "<interface type='hostdev'/>"],
    ['shared memory', "<shmem name='x'/>"],
    ["the host's TPM", "<tpm><backend type='passthrough'/></tpm>"],
  ])('refuses %s', async (_name, device) => {
    expect(byId(await check(DISK + device))['host-devices']).toMatchObject({ state: 'failed' });
  });

  it('warns of a medium in a drive, not of an empty drive', async () => {
    const drive = (source: string): string =>
      `<disk type='file' device='cdrom'>${source}<target dev='sda'/><readonly/></disk>`;
    expect(byId(await check(DISK + drive("<source file='/iso/x.iso'/>")))['drive-sda']).toMatchObject({
      state: 'warning',
    });
    expect(byId(await check(DISK + drive('')))['drive-sda']).toBeUndefined();
  });

  it('refuses saved memory, warns of snapshots and secrets', async () => {
    libvirt.savedMemory = true;
    libvirt.snapshots = 2;
    const found = byId(await check(`${DISK}<x><secret uuid='1'/></x>`));
    expect(found['managed-save']).toMatchObject({ state: 'failed', fix: 'discard-saved-memory' });
    expect(found.snapshots).toMatchObject({ state: 'warning' });
    expect(found.secrets).toMatchObject({ state: 'warning' });
  });
});

describe('how the host is set up', () => {
  it('accepts a name that the system knows without DNS', async () => {
    host.files.set('/etc/hosts', '127.0.0.1 localhost\n');
    host.files.set('/etc/nsswitch.conf', 'passwd: files\nhosts: files myhostname dns\n');
    expect(byId(await check())['name-resolution']).toMatchObject({ state: 'ok' });
  });

  it.each([
    ['slow', { found: false, ms: 3000 }, 'more than 3 s'],
    ['known to DNS only', { found: true, ms: 1 }, 'Only DNS'],
    ['unknown', { found: false, ms: 1 }, 'cannot look up'],
  ])('offers a fix when the own name is %s', async (_name, resolver, words) => {
    host.files.set('/etc/hosts', '127.0.0.1 localhost # boreas\n');
    host.resolver = resolver;
    const found = byId(await check())['name-resolution'];
    expect(found).toMatchObject({ state: 'warning', fix: 'own-name-in-hosts' });
    expect(found?.message).toContain(words);
  });

  it('offers a fix for a libvirtd that exits when idle', async () => {
    host.files.set('/proc/77/cmdline', '/usr/sbin/libvirtd\0--timeout\x00120\0');
    expect(byId(await check())['libvirtd-idle']).toMatchObject({
      state: 'warning',
      fix: 'keep-libvirtd-running',
    });
  });

  it.each([
    ['ON_BOOT=start', 'failed'],
    ['ON_BOOT="start" # as ever', 'failed'],
    ['ON_SHUTDOWN=suspend', 'failed'],
    ['#ON_BOOT=start', 'ok'],
    ['ON_BOOT=start\nON_BOOT=ignore', 'ok'],
  ])('judges libvirt-guests with %j', async (settings, state) => {
    host.files.set('/etc/default/libvirt-guests', `${settings}\n`);
    expect(byId(await check())['libvirt-guests']).toMatchObject({ state });
  });

  it('knows what libvirt-guests does where nothing is set', async () => {
    host.files.set('/usr/libexec/libvirt-guests.sh', 'ON_BOOT="start"\nON_SHUTDOWN="suspend"\n');
    expect(byId(await check())['libvirt-guests']).toMatchObject({
      state: 'failed',
      fix: 'libvirt-guests-ignore',
    });
    host.files.set('/etc/sysconfig/libvirt-guests', 'ON_BOOT=ignore\nON_SHUTDOWN=shutdown\n');
    expect(byId(await check())['libvirt-guests']).toMatchObject({ state: 'ok' });
  });
});
