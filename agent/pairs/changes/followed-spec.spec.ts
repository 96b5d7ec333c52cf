import { describe, expect, it } from 'vitest';
import { withDiskPaths } from '../../hypervisor/libvirt/domain-xml.ts';
import { outlineOf } from '../../hypervisor/libvirt/outline.ts';
import type { PairSpec } from '../../protocol/index.ts';
import { followedSpec } from './followed-spec.ts';

const text = (disks: [string, string][], name = 'mail'): string =>
  `<domain type='kvm'><name>${name}</name><uuid>5d9f2c1e-8a44-4c59-9b1c-0f3a6f7f2a01</uuid><memory>1024</memory><vcpu>1</vcpu><devices>${disks
    .map(
      ([target, path]) =>
        `<disk type='file' device='disk'><source file='${path}'/><target dev='${target}'/></disk>`,
    )
    .join('')}</devices></domain>`;

const SPEC: PairSpec = {
  pairId: 'pair-mail',
  revision: 3,
  workload: { kind: 'vm', uuid: '5d9f2c1e-8a44-4c59-9b1c-0f3a6f7f2a01', name: 'mail' },
  members: ['atlas', 'boreas'],
  disks: [
    {
      target: 'vda',
      sizeBytes: 100,
      format: 'qcow2',
      paths: { atlas: '/a/vda', boreas: '/b/vda', cora: '/c/vda' },
    },
  ],
  definitions: {
    atlas: text([['vda', '/a/vda']]),
    boreas: text([['vda', '/b/vda']]),
    cora: text([['vda', '/c/vda']]),
  },
  autostartBefore: true,
  createdAt: 1,
};

function followed(
  disks: { target: string; path: string; sizeBytes: number; format: string }[],
  name = 'mail',
) {
  const now = text(
    disks.map(({ target, path }) => [target, path]),
    name,
  );
  const outline = outlineOf(now);
  if (!outline) throw new Error('no definition');
  return followedSpec(SPEC, {
    self: 'atlas',
    text: now,
    machine: { outline, disks },
    standby: 'boreas',
    paths: { vdb: '/b/vdb-standby' },
    withDisks: withDiskPaths,
  });
}
const VDA = { target: 'vda', path: '/a/vda', sizeBytes: 100, format: 'qcow2' };

describe('followedSpec', () => {
  it('gives a new disk its place on both members, and leaves a former one as it was', () => {
    const spec = followed([VDA, { target: 'vdb', path: '/a/vdb', sizeBytes: 50, format: 'qcow2' }]);
    expect(spec.revision).toBe(4);
    expect(spec.disks[1]).toEqual({
      target: 'vdb',
      sizeBytes: 50,
      format: 'qcow2',
      paths: { atlas: '/a/vdb', boreas: '/b/vdb-standby' },
    });
    expect(spec.definitions.boreas).toContain('/b/vdb-standby');
    expect(spec.definitions.boreas).not.toContain('/a/');
    expect(spec.definitions.cora).toBe(SPEC.definitions.cora);
  });

  it('moves a disk on its own host only', () => {
    const spec = followed([{ ...VDA, path: '/a/vda.snap1' }]);
    expect(spec.disks[0]?.paths).toEqual({ atlas: '/a/vda.snap1', boreas: '/b/vda', cora: '/c/vda' });
    expect(spec.definitions.boreas).toContain('/b/vda');
  });

  it('keeps the size that is known where none can be read', () => {
    expect(followed([{ ...VDA, sizeBytes: 0 }]).disks[0]?.sizeBytes).toBe(100);
  });

  it('has the new name everywhere', () => {
    const spec = followed([VDA], 'post');
    expect(spec.workload.name).toBe('post');
    for (const definition of Object.values(spec.definitions))
      expect(definition).toContain('<name>post</name>');
  });
});
