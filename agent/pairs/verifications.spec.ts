import { expect, it } from 'vitest';
import type { PairSpec, VerifyResult } from '../protocol/index.ts';
import { freshNotes } from './store.ts';
import { verifyDue } from './verifications.ts';

const HOUR = 3_600_000;
/** A Monday, one o'clock. */
const ONE = new Date(2026, 5, 1, 1).getTime();
const spec: PairSpec = {
  pairId: 'p',
  revision: 1,
  workload: { kind: 'vm', uuid: 'a0000000-0000-4000-8000-000000000000', name: 'mail' },
  members: ['h1', 'h2'],
  disks: [],
  definitions: {},
  autostartBefore: false,
  createdAt: 0,
};
const due = (
  now: number,
  results: [VerifyResult['outcome'], number][] = [],
  over: Partial<PairSpec> = {},
) => {
  const verifies = results.map(
    ([outcome, at], index): VerifyResult => ({
      ...{ id: String(index), at, outcome, host: 'h2', by: 'x' },
      ...{ found: null, problem: null, tookMs: 1, repairedAt: null },
    }),
  );
  return verifyDue({ spec: { ...spec, ...over }, notes: { ...freshNotes('b'), verifies } }, now);
};

it('is due at its hour, on Mondays, when nothing was said otherwise', () => {
  expect(due(ONE - 1)).toBe(false);
  expect(due(ONE)).toBe(true);
  expect(due(ONE, [], { verify: { every: 'never', hour: 1 } })).toBe(false);
  expect(due(ONE, [], { verify: { every: 'weekly', hour: 2 } })).toBe(false);
});

it('is not due for a copy that was made after it', () => {
  expect(due(ONE + HOUR, [], { createdAt: ONE + 1 })).toBe(false);
});

it('is over with a verdict, and tried again an hour after one that came to none', () => {
  expect(due(ONE + HOUR, [['alike', ONE + 1]])).toBe(false);
  expect(due(ONE + HOUR, [['differs', ONE + 1]])).toBe(false);
  expect(due(ONE + HOUR, [['failed', ONE + 1]])).toBe(false);
  expect(due(ONE + HOUR + 1, [['failed', ONE + 1]])).toBe(true);
  expect(
    due(ONE + 2 * HOUR, [
      ['failed', ONE + HOUR],
      ['alike', ONE + 1],
    ]),
  ).toBe(false);
});
