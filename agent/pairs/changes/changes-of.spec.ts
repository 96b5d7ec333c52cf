import { describe, expect, it } from 'vitest';
import { outlineOf } from '../../hypervisor/libvirt/outline.ts';
import { isOfDisks } from '../../protocol/index.ts';
import { changesOf, type Machine } from './changes-of.ts';

const GIB = 1024 ** 3;
const TEXT = `<domain type='kvm'>
  <name>mail</name>
  <uuid>5d9f2c1e-8a44-4c59-9b1c-0f3a6f7f2a01</uuid>
  <memory unit='GiB'>4</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/i/mail.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><source file='/i/debian.iso'/><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><model type='virtio'/></interface>
    <graphics type='vnc' port='-1'/>
  </devices>
</domain>`;
const DISK = { target: 'vda', path: '/i/mail.qcow2', format: 'qcow2', sizeBytes: 10 * GIB };

function machine(edit: (text: string) => string = (text) => text, disks = [DISK]): Machine {
  const outline = outlineOf(edit(TEXT));
  if (!outline) throw new Error('no definition');
  return { outline, disks };
}

const kinds = (after: Machine, before = machine()): string[] =>
  changesOf(before, after).map(({ kind, target }) => (target ? `${kind} ${target}` : kind));

describe('changesOf', () => {
  it('finds nothing where only the way of writing is another', () => {
    const other = (text: string): string =>
      text
        .replace("<disk type='file' device='disk'>", '<disk device="disk" type="file">\n   ')
        .replaceAll('><', '>\n<');
    expect(changesOf(machine(), machine(other))).toEqual([]);
  });

  it.each([
    ['name', '<name>mail</name>', '<name>post</name>'],
    ['memory', "<memory unit='GiB'>4", "<memory unit='GiB'>8"],
    ['vcpus', '<vcpu>2', '<vcpu>4'],
    ['definition', '<vcpu>2', "<vcpu current='2'>4"],
    ['nic', "bridge='br0'", "bridge='br1'"],
    ['nic', "<model type='virtio'/>", "<model type='e1000e'/>"],
    ['drive sda', '/i/debian.iso', '/i/other.iso'],
    ['definition', "<boot dev='hd'/>", "<boot dev='network'/>"],
    ['definition', '</devices>', "<hostdev mode='subsystem' type='pci'/></devices>"],
    ['definition vda', "dev='vda' bus='virtio'", "dev='vda' bus='scsi'"],
  ])('finds a changed %s', (kind, from, to) => {
    const changed = machine((text) => text.replace(from, to));
    expect(kinds(changed)).toEqual([kind]);
    expect(changesOf(machine(), changed).some(isOfDisks)).toBe(false);
  });

  it('finds a network card that came, and one that went', () => {
    const two = machine((text) =>
      text.replace(
        '<graphics',
        "<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/></interface><graphics",
      ),
    );
    expect(kinds(two)).toEqual(['nic']);
    expect(changesOf(two, machine())[0]?.text).toMatch(/52:54:00:00:00:02.*taken out/);
  });

  it.each([
    ['disk-added vdb', [DISK, { ...DISK, target: 'vdb', path: '/i/data.qcow2' }]],
    ['disk-removed vda', []],
    ['disk-grown vda', [{ ...DISK, sizeBytes: 12 * GIB }]],
    ['disk-shrunk vda', [{ ...DISK, sizeBytes: 8 * GIB }]],
    ['disk-moved vda', [{ ...DISK, path: '/i/mail.snap1' }]],
    ['disk-moved vda', [{ ...DISK, format: 'raw' }]],
  ])('finds %s, which no copy may lack', (kind, disks) => {
    const changed = machine(undefined, disks);
    expect(kinds(changed)).toEqual([kind]);
    expect(changesOf(machine(), changed).every(isOfDisks)).toBe(true);
  });

  it('takes a size that nobody can read for no change', () => {
    expect(kinds(machine(undefined, [{ ...DISK, sizeBytes: 0 }]))).toEqual([]);
  });

  it('says both sizes to a person', () => {
    const [change] = changesOf(machine(), machine(undefined, [{ ...DISK, sizeBytes: 12.5 * GIB }]));
    expect(change?.text).toBe('Disk vda was enlarged: 10 GiB before, 12.5 GiB now.');
  });
});
