import { expect, it } from 'vitest';
import { parseDomain } from './domain-xml.ts';
import { trialDefinition } from './trial-definition.ts';

const DEFINITION = `<domain type='kvm' id='7'>
  <name>mail</name><uuid>a0000000-0000-4000-8000-000000000000</uuid>
  <metadata><x/></metadata>
  <memory unit='MiB'>512</memory><vcpu cpuset='0-1'>2</vcpu>
  <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/qemu/nvram/mail_VARS.fd</nvram></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/>
      <source file='/images/mail.qcow2'/><backingStore/><target dev='vda' bus='virtio'/><boot order='1'/></disk>
    <disk type='file' device='cdrom'><source file='/isos/debian.iso'/><target dev='sda' bus='sata'/><readonly/></disk>
    <disk type='file' device='disk'><source file='/seed.img'/><target dev='vdb' bus='virtio'/><readonly/></disk>
    <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><virtualport type='openvswitch'/>
      <bandwidth/><filterref filter='clean-traffic'/><target dev='vnet0'/><model type='virtio'/></interface>
    <interface type='network'><mac address='52:54:00:00:00:02'/><source network='default'/><model type='e1000'/></interface>
    <hostdev mode='subsystem' type='pci'/><filesystem><source dir='/srv'/></filesystem><shmem name='x'/>
    <serial type='file'><source path='/var/log/mail.log'/><target port='0'/></serial>
    <channel type='unix'><source mode='bind' path='/run/mail.agent'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
    <graphics type='spice' port='5900'/>
  </devices>
</domain>`;
const text = trialDefinition(DEFINITION, {
  name: 'drill-mail-1',
  uuid: 'd211d211-0000-8000-8000-000000000000',
  socket: '/run/x/disks',
  taps: ['udn0', 'udn1'],
  nvram: '/var/lib/libvirt/qemu/nvram/drill-mail-1_VARS.fd',
});
const domain = parseDomain(text);

it('is another machine', () => {
  expect(domain).toMatchObject({ name: 'drill-mail-1', uuid: 'd211d211-0000-8000-8000-000000000000' });
  expect(domain.nvram).toBe('/var/lib/libvirt/qemu/nvram/drill-mail-1_VARS.fd');
  expect(domain.memoryBytes).toBe(512 * 2 ** 20);
});

it('reads and writes its own disks only', () => {
  expect(domain.disks.map(({ target, type, path, device }) => [target, type, path, device])).toEqual([
    ['vda', 'network', '', 'disk'],
    ['sda', 'file', '', 'cdrom'],
  ]);
  expect(text).toMatch(
    /<source protocol="nbd" name="vda"><host transport="unix" socket="\/run\/x\/disks"\/><\/source>/,
  );
  expect(text).toContain('<boot order="1"/>');
  for (const gone of ['/images/mail.qcow2', '/isos', '/seed.img', 'backingStore'])
    expect(text).not.toContain(gone);
});

it('has its network cards on nothing, with the addresses they had', () => {
  expect(domain.nics).toEqual([
    { mac: '52:54:00:00:00:01', type: 'ethernet', source: '' },
    { mac: '52:54:00:00:00:02', type: 'ethernet', source: '' },
  ]);
  for (const tap of ['udn0', 'udn1']) expect(text).toContain(`<target dev="${tap}"/>`);
  for (const gone of ['br0', 'openvswitch', 'clean-traffic', 'bandwidth', 'vnet0', 'network="default"'])
    expect(text).not.toContain(gone);
});

it('shares nothing with the host', () => {
  expect(domain.hostBound).toEqual([]);
  for (const gone of [
    '/srv',
    '/var/log/mail.log',
    '/run/mail.agent',
    'spice',
    'graphics',
    'cpuset',
    'metadata',
  ])
    expect(text).not.toContain(gone);
  expect(text).toContain('org.qemu.guest_agent.0');
});
