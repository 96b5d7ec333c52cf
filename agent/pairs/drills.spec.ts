import { expect, it } from 'vitest';
import type { DrillResult, PairSpec } from '../protocol/index.ts';
import { drillFingerprint, staleDrill } from './drills.ts';

const spec: PairSpec = {
  pairId: 'p',
  revision: 1,
  workload: { kind: 'vm', uuid: 'a0000000-0000-4000-8000-000000000000', name: 'mail' },
  members: ['h1', 'h2'],
  disks: [{ target: 'vda', sizeBytes: 1, format: 'qcow2', paths: { h1: '/a', h2: '/b' } }],
  definitions: { h1: '<one/>', h2: '<two/>' },
  autostartBefore: false,
  createdAt: 0,
};
const DAY = 24 * 3_600_000;
const result = (given: Partial<DrillResult>): DrillResult => ({
  ...{ id: 'd', at: 0, host: 'h2', outcome: 'passed', by: 'x', evidence: '', problem: null },
  ...{ pointMs: 1, startMs: 1, answerMs: 1, undoMs: 1, fingerprint: drillFingerprint(spec, 'h2') },
  ...given,
});

it('is stale by age, counted from the last one that was passed', () => {
  const results = [result({ at: 95 * DAY, outcome: 'failed' }), result({ at: 5 * DAY }), result({ at: DAY })];
  expect(staleDrill(spec, 'h2', results, 95 * DAY)).toBeNull();
  expect(staleDrill(spec, 'h2', results, 95 * DAY + 1)).toBe('age');
  expect(staleDrill(spec, 'h2', [result({ outcome: 'failed' })], 200 * DAY)).toBeNull();
});

it.each<[string, Partial<PairSpec>]>([
  ['definition', { definitions: { h1: '<one/>', h2: '<three/>' } }],
  ['disks', { disks: [] }],
  ['check', { drill: { check: { kind: 'agent' }, every: 'never', hour: 3, maxAgeDays: 90 } }],
])('is stale by a change of the %s', (_what, change) => {
  expect(staleDrill({ ...spec, ...change }, 'h2', [result({})], 1)).toBe('changed');
});

it('does not mind what it does not rest on', () => {
  const later = { ...spec, revision: 9, definitions: { ...spec.definitions, h1: '<other/>' } };
  const timetable = { check: { kind: 'answers' }, every: 'weekly', hour: 5, maxAgeDays: 9 } as const;
  expect(staleDrill({ ...later, drill: timetable }, 'h2', [result({})], 1)).toBeNull();
});
