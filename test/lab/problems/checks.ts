import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Bench, define, objections, rawDisk, sh, unclear, vmOf } from './bench.ts';

const IMAGES = '/var/lib/libvirt/images';
const ODD = '7e570000-0000-4000-8002-000000000001';
const TWIN = '7e570000-0000-4000-8002-000000000002';

/** What stands in the way of protecting a machine, found before anything is done. */
export function checksBeforeACopy(bench: Bench): void {
  const erp = () => vmOf(bench, 'atlas', 'erp')?.uuid ?? '';
  const idOf = (host: string) => bench.desk.host(host).id;
  const refusal = (vmUuid = erp(), standby = 'boreas') =>
    bench.desk.refusal('protect.start', {
      requestId: randomUUID(),
      hostId: idOf('atlas'),
      vmUuid,
      standby: idOf(standby),
    });
  /** Nothing of a refused protection: no pair, no image, autostart as it was. */
  const nothingChanged = async () => {
    expect(bench.desk.fleet.pairs).toEqual({});
    expect(bench.desk.fleet.tasks).toEqual({});
    expect(await sh(bench, 'boreas', `ls ${IMAGES}`)).not.toContain('erp');
    expect(await sh(bench, 'atlas', 'virsh dominfo erp')).toMatch(/Autostart:\s+enable/);
  };

  describe('before a first copy', () => {
    test('a machine finds nothing in its way', async () => {
      const found = await objections(bench, erp(), 'atlas', 'boreas');
      expect(found.filter((check) => check.state === 'failed')).toEqual([]);
    });

    test('a standby on the same host, or on a witness, is refused', async () => {
      const same = await refusal(erp(), 'atlas');
      expect(same).toMatchObject({ kind: 'same-host', field: 'standby' });
      const witness = await refusal(erp(), 'cora');
      expect(witness.message).toContain('cora');
      expect(unclear([same, witness])).toEqual([]);
      await nothingChanged();
    });

    test.each([
      ['name', 'erp', TWIN],
      ['UUID', 'other', '7e570000-0000-4000-8000-000000000061'],
    ])('another machine of the same %s on the standby is found', async (_what, name, uuid) => {
      await define(bench, 'boreas', { name, uuid, disks: rawDisk('vda', `${IMAGES}/twin.img`) });
      const refused = await refusal();
      expect(refused).toMatchObject({ kind: 'check-name' });
      expect(refused.message).toMatch(new RegExp(`^boreas: .*${name}`));
      await sh(bench, 'boreas', `virsh --quiet undefine ${name}`);
      await nothingChanged();
      expect(unclear([refused])).toEqual([]);
    });

    test('a disk of the standby that is full is found, with what is needed and what is free', async () => {
      await sh(bench, 'boreas', `mount -t tmpfs -o size=100m tmpfs ${IMAGES}`);
      const refused = await refusal();
      await sh(bench, 'boreas', `umount ${IMAGES}`);
      expect(refused).toMatchObject({ kind: 'check-disk-space' });
      expect(refused.message).toMatch(/^boreas: .* 100 MiB are free in .*images/);
      expect(unclear([refused])).toEqual([]);
      await nothingChanged();
    });

    test('a libvirt that does not run on the standby is named', async () => {
      const units = 'libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket';
      await sh(bench, 'boreas', `systemctl stop ${units} libvirtd`);
      await bench.desk.until('it is noticed', () => !bench.desk.host('boreas').facts?.hypervisor.reachable);
      const refused = await refusal();
      await sh(bench, 'boreas', `systemctl start ${units} libvirtd`);
      await bench.desk.until(
        'it is back',
        () => bench.desk.host('boreas').facts?.hypervisor.reachable === true,
      );
      expect(refused.message).toMatch(/^boreas: libvirt/);
      expect(unclear([refused])).toEqual([]);
      await nothingChanged();
    });

    test('disks that cannot be copied, devices of the host and media in drives are named', async () => {
      const disks = [
        `<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/loop7'/><target dev='vda' bus='virtio'/></disk>`,
        `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${IMAGES}/shared.img'/><target dev='vdb' bus='virtio'/><shareable/></disk>`,
        rawDisk('vdc', '/nowhere/vdc.img'),
        `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/srv/install.iso'/><target dev='sda' bus='sata'/><readonly/></disk>`,
      ];
      const more = `<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='3' slot='0' function='0'/></source></hostdev>
        <filesystem type='mount'><source dir='/srv/share'/><target dir='share'/></filesystem>`;
      await define(bench, 'atlas', { name: 'odd', uuid: ODD, disks: disks.join(''), more });
      const found = await objections(bench, ODD, 'atlas', 'boreas');
      await sh(bench, 'atlas', 'virsh --quiet undefine odd');
      const by = found.map((check) => check.by);
      for (const disk of ['vda', 'vdb', 'vdc']) expect(by).toContain(`atlas disk-${disk} failed`);
      expect(by).toContain('atlas host-devices failed');
      expect(by).toContain('atlas drive-sda warning');
      expect(by).toContain('boreas files failed');
      const text = found.map((check) => check.message).join(' ');
      for (const named of ['block', 'shareable', '/nowhere/vdc.img', '/srv/share', '/srv/install.iso']) {
        expect(text).toContain(named);
      }
      expect(found.filter((check) => check.next === '')).toEqual([]);
      await nothingChanged();
    });
  });
}
