import { describe, expect, it } from 'vitest';
import { parseDomain } from './domain-xml.ts';
import { outlineOf, withLiveDisks } from './outline.ts';

const disk = (target: string, path: string, more = ''): string =>
  `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${path}'${more}/><backingStore/><target dev='${target}' bus='virtio'/><alias name='virtio-disk0'/></disk>`;
const domain = (devices: string): string =>
  `<domain type='kvm'><name>mail</name><uuid>5d9f2c1e-8a44-4c59-9b1c-0f3a6f7f2a01</uuid><memory>1024</memory><vcpu>1</vcpu><devices>${devices}</devices></domain>`;
const paths = (text: string) => parseDomain(text).disks.map(({ target, path }) => [target, path]);
const CDROM = `<disk type='file' device='cdrom'><source file='/i/a.iso'/><target dev='sda' bus='sata'/><readonly/></disk>`;

describe('withLiveDisks', () => {
  it('leaves a definition as it is whose machine has the same disks', () => {
    const inactive = domain(disk('vda', '/i/a.qcow2'));
    expect(withLiveDisks(inactive, domain(disk('vda', '/i/a.qcow2', " index='3'")))).toBe(inactive);
  });

  it('takes over what was attached, taken out or snapshotted only while it runs', () => {
    const inactive = domain(disk('vda', '/i/a.qcow2') + disk('vdb', '/i/b.qcow2') + CDROM);
    const live = domain(disk('vda', '/i/a.snap1', " index='5'") + disk('vdc', '/i/c.qcow2'));
    const text = withLiveDisks(inactive, live);
    expect(paths(text)).toEqual([
      ['vda', '/i/a.snap1'],
      ['sda', '/i/a.iso'],
      ['vdc', '/i/c.qcow2'],
    ]);
    expect(text).not.toMatch(/alias|backingStore|index=/);
  });

  it('does not count a disk that was only written into the definition', () => {
    const text = withLiveDisks(
      domain(disk('vda', '/i/a.qcow2') + disk('vdb', '/i/b.qcow2')),
      domain(disk('vda', '/i/a.qcow2')),
    );
    expect(paths(text)).toEqual([['vda', '/i/a.qcow2']]);
  });
});

describe('outlineOf', () => {
  it('is null for what is no definition', () => {
    expect(outlineOf('<network/>')).toBeNull();
    expect(outlineOf('no XML')).toBeNull();
  });

  it('keeps where an image lies out of what is said of its disk', () => {
    const [one, other] = ['/i/a.qcow2', '/j/b.qcow2'].map((path) => outlineOf(domain(disk('vda', path))));
    expect(one).toEqual(other);
    expect(Object.keys(one?.disks ?? {})).toEqual(['vda']);
  });
});
