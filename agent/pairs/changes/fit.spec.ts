import { expect, it } from 'vitest';
import type { PairSpec } from '../../protocol/index.ts';
import { freshNotes } from '../store.ts';
import { fitOf } from './fit.ts';

const KIB = 1024;
const spec = {
  disks: ['vda', 'vdb'].map((target) => ({ target, sizeBytes: 100 * KIB, format: 'qcow2', paths: {} })),
} as unknown as PairSpec;
const fitted = (sizes: Record<string, number | null>, unmade: string[] = []) =>
  fitOf(sizes, { spec, notes: { ...freshNotes('boot'), unmade } });

it.each([
  ['same', { vda: 100 * KIB, vdb: 100 * KIB }],
  // A file of a machine need not end with a sector; an image of ours does.
  ['same', { vda: 100 * KIB + 511, vdb: 100 * KIB }],
  ['grown', { vda: 50 * KIB, vdb: 100 * KIB }],
  ['smaller', { vda: 200 * KIB, vdb: 100 * KIB }],
  // What would be cut off counts more than what would be added.
  ['smaller', { vda: 50 * KIB, vdb: 200 * KIB }],
  ['other', { vda: null, vdb: 100 * KIB }],
])('is %s for images of %o', (expected, sizes) => {
  expect(fitted(sizes)).toBe(expected);
});

it('misses no image that was never made', () => {
  expect(fitted({ vda: 100 * KIB, vdb: null }, ['vdb'])).toBe('grown');
  expect(fitted({ vda: null, vdb: null }, ['vda', 'vdb'])).toBe('other');
});
