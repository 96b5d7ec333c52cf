import { beforeEach, describe, expect, it } from 'vitest';
import type { VmInfo } from '../../../protocol/index.ts';
import type { VmDefinition } from '../../hypervisor.ts';
import { parseDomain } from '../domain-xml.ts';
import { checkStandby } from './standby.ts';
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
const UUID = '7e570000-0000-4000-8000-000000000061';
const IMAGES = '/var/lib/libvirt/images';

let host: FakeHost;
let libvirt: FakeLibvirt;
let guests: VmInfo[];
let disks: VmDefinition['disks'];

const disk = (target: string, path: string, sizeBytes: number, allocatedBytes = sizeBytes / 4) => ({
  target,
  path,
  format: 'qcow2',
  sizeBytes,
  allocatedBytes,
  readOnly: false,
  device: 'disk',
});

const guest = (changes: Partial<VmInfo>): VmInfo => ({
  uuid: '00000000-0000-4000-8000-000000000001',
  name: 'other',
  state: 'stopped',
  vcpus: 1,
  memoryBytes: GIB,
  autostart: false,
  disks: [],
  nics: [],
  cpu: 0,
  memoryUsedBytes: 0,
  addresses: [],
  ...changes,
});

beforeEach(() => {
  host = fakeHost();
  libvirt = fakeLibvirt();
  guests = [];
  disks = [disk('vda', `${IMAGES}/erp.qcow2`, 4 * GIB)];
});

interface Parts {
  top?: string;
  osAttributes?: string;
  os?: string;
  cpu?: string;
  devices?: string;
  machine?: string;
}

async function check({
  top = '',
  osAttributes = '',
  os = '',
  cpu = '',
  devices = '',
  machine = 'pc-q35-7.2',
}: Parts = {}) {
  const text = `<domain type='kvm'><name>erp</name><uuid>${UUID}</uuid><memory unit='GiB'>2</memory>
    ${top}<os ${osAttributes}><type arch='x86_64' machine='${machine}'>hvm</type>${os}</os>${cpu}
    <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${devices}</devices></domain>`;
  const definition = { uuid: UUID, name: 'erp', text, disks };
  const result = await checkStandby({ definition, domain: parseDomain(text), guests, host, libvirt });
  expect(withoutWayOut(result.checks)).toEqual([]);
  return { ...result, found: byId(result.checks) };
}

describe('where the guest would stand by', () => {
  it('finds nothing wrong with a host in good order', async () => {
    const { checks, paths } = await check({
      devices: "<interface type='bridge'><source bridge='br0'/></interface>",
    });
    expect(checks.filter((each) => each.state !== 'ok')).toEqual([]);
    expect(paths).toEqual({ vda: `${IMAGES}/erp.qcow2` });
  });

  it('looks into the place for the images', async () => {
    host.images.set(`${IMAGES}/erp.qcow2`, qcow2(GIB));
    disks = [
      disk('vda', `${IMAGES}/erp.qcow2`, GIB),
      disk('vdb', '/srv/erp.qcow2', GIB),
      disk('vdc', '/srv/c.qcow2', GIB),
    ];
    const { paths } = await check();
    expect(paths).toEqual({
      vda: `${IMAGES}/erp-standby.qcow2`,
      vdb: `${IMAGES}/erp-standby-2.qcow2`,
      vdc: `${IMAGES}/c.qcow2`,
    });
  });

  it.each([
    [100, 'ok'],
    [4, 'warning'],
    [1, 'failed'],
  ])('judges %i GiB of free space for a 4 GiB disk of which 1 GiB is in use: %s', async (free, state) => {
    host.folders.set(IMAGES, { freeBytes: free * GIB, device: 1 });
    expect((await check()).found['disk-space']).toMatchObject({ state });
  });

  it('counts all images of one file system together', async () => {
    host.folders.set('/srv', { freeBytes: 3 * GIB, device: 1 });
    host.folders.set(IMAGES, { freeBytes: 3 * GIB, device: 1 });
    disks = [
      disk('vda', '/srv/a.qcow2', 2 * GIB, 2 * GIB),
      disk('vdb', `${IMAGES}/b.qcow2`, 2 * GIB, 2 * GIB),
    ];
    expect((await check()).found['disk-space']).toMatchObject({ state: 'failed' });
    host.folders.set('/srv', { freeBytes: 3 * GIB, device: 2 });
    expect((await check()).found['disk-space']).toMatchObject({ state: 'ok' });
  });

  it('refuses a host without any place for images', async () => {
    host.folders.clear();
    expect((await check()).found['disk-space']).toMatchObject({ state: 'failed' });
  });

  it('refuses a host without the storage daemon', async () => {
    host.files.delete('/usr/bin/qemu-storage-daemon');
    expect((await check()).found['storage-daemon']).toMatchObject({ state: 'failed' });
  });

  it.each([
    [16, 8, 'ok'],
    [16, 1, 'warning'],
    [1, 1, 'failed'],
  ])('judges %i GiB of memory, %i free, for a guest of 2: %s', async (total, available, state) => {
    host.ram = { totalBytes: total * GIB, availableBytes: available * GIB };
    expect((await check()).found.memory).toMatchObject({ state });
  });

  it('refuses an unknown machine type or a missing emulator', async () => {
    expect((await check({ machine: 'pc-q35-9.9' })).found['machine-type']).toMatchObject({ state: 'failed' });
    host.files.delete('/usr/bin/qemu-system-x86_64');
    expect((await check()).found['machine-type']).toMatchObject({ state: 'failed' });
  });

  it.each([
    ['', 2, 'ok'],
    ["<cpu mode='host-model'/>", 0, 'ok'],
    ["<cpu mode='host-passthrough'/>", 2, 'warning'],
    ["<cpu mode='custom'><model>EPYC</model></cpu>", 2, 'ok'],
    ["<cpu mode='custom'><model>EPYC</model></cpu>", 1, 'ok'],
    ["<cpu mode='custom'><model>EPYC</model></cpu>", 0, 'failed'],
  ])('judges the CPU %j compared as %i: %s', async (cpu, compared, state) => {
    libvirt.cpu = compared;
    expect((await check({ cpu })).found['cpu-model']).toMatchObject({ state });
  });

  it.each([
    ["type='bridge'><source bridge='br7'/>", 'bridge br7'],
    ["type='network'><source network='prod'/>", 'network "prod"'],
    ["type='direct'><source dev='eth9'/>", 'network device eth9'],
  ])('refuses a missing network: %s', async (nic, words) => {
    const { found } = await check({ devices: `<interface ${nic}</interface>` });
    expect(found.bridges).toMatchObject({ state: 'failed' });
    expect(found.bridges?.message).toContain(words);
  });

  it('says how to start a network that is only stopped', async () => {
    libvirt.inactive = ['prod'];
    const { found } = await check({
      devices: "<interface type='network'><source network='prod'/></interface>",
    });
    expect(found.bridges?.next).toContain('virsh net-start prod');
  });

  it.each([
    ['nat', 'warning'],
    ['isolated', 'warning'],
    ['bridge', undefined],
  ])('judges a network of mode %s', async (mode, state) => {
    libvirt.modes.default = mode;
    const devices = "<interface type='network'><source network='default'/></interface>";
    expect((await check({ devices })).found['network-private']?.state).toBe(state);
  });

  it('wants the packet filters of its network cards', async () => {
    const card = (filter: string): string =>
      `<interface type='bridge'><source bridge='br0'/><filterref filter='${filter}'/></interface>`;
    expect((await check({ devices: card('clean-traffic') })).found['packet-filters']).toMatchObject({
      state: 'ok',
    });
    expect((await check({ devices: card('ours') })).found['packet-filters']).toMatchObject({
      state: 'failed',
    });
  });

  it.each([
    [1024, 'ok'],
    [1023, 'failed'],
  ])('wants huge pages set aside: %i of 1024 free', async (free, state) => {
    host.files.set('/proc/meminfo', `HugePages_Free:    ${free}\nHugepagesize:       2048 kB\n`);
    const top = '<memoryBacking><hugepages/></memoryBacking>';
    expect((await check({ top })).found.memory).toMatchObject({ state });
  });

  it.each([
    ['<vcpu>4</vcpu>', undefined],
    ['<vcpu>5</vcpu>', 'warning'],
    ["<vcpu cpuset='0-3,^7'>2</vcpu>", undefined],
    ["<vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='2,4'/></cputune>", 'failed'],
  ])('judges processors: %s on a host with 4', async (top, state) => {
    expect((await check({ top })).found['cpu-count']?.state).toBe(state);
  });

  it('wants a firmware where libvirt picks it itself', async () => {
    expect((await check({ osAttributes: "firmware='efi'" })).found.firmware).toMatchObject({ state: 'ok' });
    expect((await check({ osAttributes: "firmware='uboot'" })).found.firmware).toMatchObject({
      state: 'failed',
    });
  });

  it('judges the firmware and its variables', async () => {
    const os = "<loader>/fw/code</loader><nvram template='/fw/vars'>/nv/erp</nvram>";
    expect((await check({ os })).found.firmware).toMatchObject({ state: 'failed' });
    host.files.set('/fw/code', '');
    expect((await check({ os })).found.firmware).toMatchObject({ state: 'failed' });
    host.files.set('/fw/vars', '');
    expect((await check({ os })).found.firmware).toMatchObject({ state: 'warning' });
    host.files.set('/nv/erp', '');
    expect((await check({ os })).found.firmware).toMatchObject({ state: 'ok' });
  });

  it('warns that a TPM is not copied, refuses where there is no emulator', async () => {
    const devices = "<tpm><backend type='emulator'/></tpm>";
    expect((await check({ devices })).found.tpm).toMatchObject({ state: 'warning' });
    libvirt.tpmEmulator = false;
    expect((await check({ devices })).found.tpm).toMatchObject({ state: 'failed' });
  });

  it('wants the files a start needs: kernel, medium, read-only disk', async () => {
    const os = '<kernel>/boot/vmlinuz</kernel>';
    const devices = "<disk type='file' device='cdrom'><source file='/iso/x.iso'/><target dev='sda'/></disk>";
    const { found } = await check({ os, devices });
    expect(found.files).toMatchObject({ state: 'failed' });
    expect(found.files?.message).toContain('/boot/vmlinuz and /iso/x.iso are missing');
    host.files.set('/boot/vmlinuz', '').set('/iso/x.iso', '');
    expect((await check({ os, devices })).found.files).toMatchObject({ state: 'ok' });
  });

  it.each([
    [{ uuid: UUID, state: 'running' as const }, 'failed', 'never run both'],
    [{ uuid: UUID }, 'failed', 'undefine it'],
    [{ name: 'erp' }, 'failed', 'Rename'],
    [{ nics: [{ mac: '52:54:00:00:00:01', type: 'bridge', source: 'br0' }] }, 'warning', 'another one'],
    [{}, 'ok', ''],
  ])('judges a neighbour %j: %s', async (changes, state, next) => {
    guests = [guest(changes)];
    const devices =
      "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/></interface>";
    const { found } = await check({ devices });
    expect(found.name).toMatchObject({ state });
    expect(found.name?.next).toContain(next);
  });
});
