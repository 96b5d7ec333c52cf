import { expect, it } from 'vitest';
import { VERIFY_DEFAULTS, type VerifyResult } from '../../../agent/protocol/verify.ts';
import type { VerifyView } from '../../../src-main/contract/index.ts';
import { figuresOf, placesOf, verifyMark, verifySentence } from './words.ts';

const view = (state: VerifyView['state']): VerifyView => ({
  ...{ hostId: 'boreas', settings: VERIFY_DEFAULTS, state, results: [], next: null },
});
const result = (differingBytes: number, places: number[] = []): VerifyResult => ({
  ...{ id: 'v', at: 1, host: 'boreas', by: 'x', outcome: 'differs', problem: null },
  ...{ tookMs: 61_000, repairedAt: null },
  found: {
    ...{ totalBytes: 2 ** 30, readBytes: 2 ** 20, writtenBytes: 65_536, differingBytes },
    places: places.map((offset) => ({ target: 'vda', offset, length: 65_536 })),
  },
});

it.each([
  ['never', /has not been compared/],
  ['alike', /3 h ago, and it is the same/],
  ['differs', /not counted on/],
  ['repaired', /look at the disks of both hosts/],
  ['failed', /could not be compared 3 h ago/],
] as const)('says what is known of the copy (%s)', (state, said) => {
  expect(verifySentence(view(state), 'boreas', '3 h ago')).toMatch(said);
});

it('alarms for a copy that differs, and marks only one that is the same as good', () => {
  expect(verifyMark(view('differs')).tone).toBe('danger');
  for (const state of ['never', 'differs', 'repaired', 'failed'] as const)
    expect(verifyMark(view(state)).tone).not.toBe('ok');
  expect(verifyMark(view('alike')).tone).toBe('ok');
});

it('shows what was read, and what stays unsaid', () => {
  const values = figuresOf({ ...result(65_536), repairedAt: 5 }, (at) => `at ${at}`).map(
    ({ value }) => value,
  );
  expect(values).toEqual(['1 GiB', '64 KiB', '64 KiB', '1 min 01 s', 'at 5']);
  expect(figuresOf({ ...result(0), found: null }, String)).toEqual([]);
});

it('tells the places, and that there are more', () => {
  expect(placesOf(result(65_536, [65_536]))).toEqual(['vda: 64 KiB at 64 KiB']);
  expect(placesOf(result(3 * 65_536, [0]))).toHaveLength(2);
  expect(placesOf(result(0))).toEqual([]);
});
