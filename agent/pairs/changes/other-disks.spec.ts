import { describe, expect, it } from 'vitest';
import type { PairSpec } from '../../protocol/index.ts';
import { freshNotes, type KeptPair } from '../store.ts';
import { withOtherDisks } from './other-disks.ts';

const spec = (...targets: string[]): PairSpec => ({
  pairId: 'pair-mail',
  revision: 1,
  workload: { kind: 'vm', uuid: '5d9f2c1e-8a44-4c59-9b1c-0f3a6f7f2a01', name: 'mail' },
  members: ['atlas', 'boreas'],
  disks: targets.map((target) => ({
    target,
    sizeBytes: 1,
    format: 'qcow2',
    paths: { atlas: `/a/${target}`, boreas: `/b/${target}` },
  })),
  definitions: {},
  autostartBefore: false,
  createdAt: 1,
});
const kept = (image: KeptPair['notes']['image']): KeptPair => ({
  spec: spec('vda', 'vdb'),
  notes: { ...freshNotes('boot'), image, generation: 'g1' },
});

describe('withOtherDisks', () => {
  it('notes nothing where the disks are the same, or nothing was ever made here', () => {
    const same = kept('complete');
    expect(withOtherDisks(same, spec('vda', 'vdb'), 'boreas', 5)).toBe(same.notes);
    const fresh = kept('none');
    expect(withOtherDisks(fresh, spec('vda'), 'boreas', 5)).toBe(fresh.notes);
  });

  it('keeps the image of a disk that went for a person, and knows which one has none yet', () => {
    const notes = withOtherDisks(kept('complete'), spec('vda', 'vdc'), 'boreas', 5);
    expect(notes.aside).toEqual([{ path: '/b/vdb', keep: true, since: 5 }]);
    expect(notes.unmade).toEqual(['vdc']);
    // What a bitmap knows is not the distance any more.
    expect(notes.generation).toBeNull();
  });
});
