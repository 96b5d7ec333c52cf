import { describe, expect, it } from 'vitest';
import { DomainXmlError, parseDomain, withDiskPaths } from './domain-xml.ts';

/** As `virsh dumpxml --inactive --migratable --security-info` of libvirt 9.0.0 writes it, shortened where it repeats. */
const ERP = `<domain type='kvm'>
  <name>erp &amp; co</name>
  <uuid>7E570000-0000-4000-8000-000000000061</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit='GiB'>2</memory>
  <currentMemory unit='KiB'>1048576</currentMemory>
  <vcpu placement='static' current='2'>4</vcpu>
  <os firmware='efi'>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' secure='no' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/var/lib/libvirt/qemu/nvram/erp_VARS.fd</nvram>
    <kernel>/boot/vmlinuz</kernel>
    <initrd>/boot/initrd.img</initrd>
  </os>
  <cpu mode='custom' match='exact' check='partial'>
    <model fallback='allow'>Skylake-Client</model>
    <feature policy='require' name='vmx'/>
  </cpu>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='/srv/vm/erp &amp; co.qcow2'>
        <seclabel model='dac' relabel='no'/>
      </source>
      <backingStore type='file'><format type='qcow2'/><source file='/srv/vm/base.qcow2'/></backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/srv/vm/data.img'/>
      <target dev='vdb' bus='virtio'/>
      <shareable/>
    </disk>
    <disk type='block' device='lun'>
      <source dev='/dev/sdx'/>
      <target dev='sda' bus='scsi'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source file='/iso/debian.iso'/>
      <target dev='sdb' bus='sata'/>
      <readonly/>
    </disk>
    <disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>
      <auth username='libvirt'><secret type='ceph' uuid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'/></auth>
      <source protocol='rbd' name='pool/image'/>
      <target dev='vdc' bus='virtio'/>
    </disk>
    <interface type='bridge'>
      <mac address='52:54:00:AB:CD:EF'/>
      <source bridge='br0'/>
      <model type='virtio'/>
    </interface>
    <interface type='network'><mac address='52:54:00:00:00:02'/><source network='default'/></interface>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
    </channel>
    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
    <hostdev mode='subsystem' type='pci' managed='yes'><source/></hostdev>
    <filesystem type='mount'><driver type='virtiofs'/><source dir='/srv/share'/><target dir='share'/></filesystem>
  </devices>
</domain>`;

describe('a domain definition', () => {
  const domain = parseDomain(ERP);

  it('gives identity, size and platform', () => {
    expect(domain).toMatchObject({
      uuid: '7e570000-0000-4000-8000-000000000061',
      name: 'erp & co',
      virtType: 'kvm',
      arch: 'x86_64',
      machine: 'pc-q35-7.2',
      emulator: '/usr/bin/qemu-system-x86_64',
      vcpus: 2,
      memoryBytes: 2 * 1024 ** 3,
    });
  });

  it('gives the disks with what decides whether they can be copied', () => {
    expect(domain.disks).toMatchObject([
      {
        target: 'vda',
        path: '/srv/vm/erp & co.qcow2',
        format: 'qcow2',
        type: 'file',
        device: 'disk',
        backing: true,
      },
      { target: 'vdb', path: '/srv/vm/data.img', format: 'raw', shareable: true, backing: false },
      { target: 'sda', path: '/dev/sdx', type: 'block', device: 'lun' },
      { target: 'sdb', path: '/iso/debian.iso', device: 'cdrom', readOnly: true },
      { target: 'vdc', path: '', type: 'network', device: 'disk' },
    ]);
  });

  it('gives what lies outside the disks', () => {
    expect(domain).toMatchObject({
      nics: [
        { mac: '52:54:00:ab:cd:ef', type: 'bridge', source: 'br0' },
        { mac: '52:54:00:00:00:02', type: 'network', source: 'default' },
      ],
      cpu: { mode: 'custom', model: 'Skylake-Client' },
      loader: '/usr/share/OVMF/OVMF_CODE_4M.fd',
      nvram: '/var/lib/libvirt/qemu/nvram/erp_VARS.fd',
      nvramTemplate: '/usr/share/OVMF/OVMF_VARS_4M.fd',
      bootFiles: ['/boot/vmlinuz', '/boot/initrd.img'],
      tpm: 'emulator',
      guestAgent: true,
      secrets: ['2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'],
      hostBound: ['a PCI device passed through', 'the host folder /srv/share shared into it'],
    });
    expect(domain.cpu?.xml).toContain('vmx');
  });

  it('reads a definition that says little', () => {
    const bare = parseDomain('<domain type="qemu"><name>x</name><memory>1024</memory></domain>');
    expect(bare).toMatchObject({
      name: 'x',
      memoryBytes: 1024 ** 2,
      vcpus: 1,
      disks: [],
      nics: [],
      cpu: null,
    });
  });

  it.each(['', 'no xml', '<domain', '<domain><name></domain>', '<network/>', '<domain/><domain/>'])(
    'refuses what is none: %j',
    (text) => {
      expect(() => parseDomain(text)).toThrow(DomainXmlError);
    },
  );
});

describe('disks elsewhere', () => {
  it('changes the sources asked for and nothing else', () => {
    const moved = withDiskPaths(ERP, { vdb: '/other/<data>.img' });
    expect(parseDomain(moved).disks[1]?.path).toBe('/other/<data>.img');
    const back = withDiskPaths(moved, { vdb: '/srv/vm/data.img' });
    expect(back).toBe(withDiskPaths(ERP, {}));
    expect(parseDomain(back)).toEqual(parseDomain(ERP));
  });

  it('drops the backing chain of a moved disk, keeps its labels and options', () => {
    const moved = withDiskPaths(ERP, { vda: '/other/erp.qcow2' });
    expect(moved).not.toContain('base.qcow2');
    expect(moved).toContain('discard="unmap"');
    expect(moved).toContain('seclabel');
    expect(moved).toContain('libosinfo:os');
  });

  it.each(['vdz', 'vdc', 'sda'])('refuses a disk without an image file: %s', (target) => {
    expect(() => withDiskPaths(ERP, { [target]: '/x' })).toThrow(DomainXmlError);
  });
});
