import { expect, it } from 'vitest';
import {
  DRILL_DEFAULTS,
  type DrillResult,
  type PairRecord,
  type PairStatus,
} from '../../../agent/protocol/index.ts';
import { leaseView, pairRecord } from '../testing/pair-words.ts';
import { drillOf } from './drill.ts';
import type { Joined, Member } from './inputs.ts';

const result = (given: Partial<DrillResult>): DrillResult => ({
  ...{ id: 'd', at: 10, host: 'h-boreas', outcome: 'passed', by: 'x', evidence: '', problem: null },
  ...{ pointMs: 1, startMs: 1, answerMs: 1, undoMs: 1, fingerprint: 'f' },
  ...given,
});

function member(id: string, results: DrillResult[] | null, stale: 'age' | null = null): Member {
  const spec = {
    pairId: 'p1',
    revision: 1,
    workload: { kind: 'vm' as const, uuid: '6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3e', name: 'web' },
    members: ['h-atlas', 'h-boreas'] as [string, string],
    disks: [],
    definitions: {},
    autostartBefore: true,
    createdAt: 0,
  };
  const word: PairStatus = {
    ...{ spec, record: pairRecord, mirror: null, lease: leaseView() },
    local: { kind: 'standby', exports: 'open' },
    peer: { hostId: 'h-atlas', reachable: true, since: 0 },
    ...(results ? { drill: { settings: DRILL_DEFAULTS, results, stale, next: null } } : {}),
  };
  return { id, word, leaseAt: 0, name: id, reach: 'answers', silentSince: null };
}

function of(
  standby: DrillResult[] | null,
  owner: DrillResult[] | null = [],
  more: { stale?: 'age'; record?: Partial<PairRecord> } = {},
) {
  return drillOf({
    ...{ machine: 'web', mirror: null, task: null, now: 0 },
    record: { ...pairRecord, ...more.record },
    owner: member('h-atlas', owner),
    standby: member('h-boreas', standby, more.stale ?? null),
    destination: member('h-atlas', owner),
  } satisfies Joined);
}

it.each([
  ['never', of([])],
  ['passed', of([result({})])],
  ['passed', of([result({ outcome: 'cancelled', at: 20 }), result({})])],
  ['failed', of([result({ outcome: 'failed', at: 20 }), result({})])],
  ['stale', of([result({})], [], { stale: 'age' })],
  ['stale', of([], [result({ host: 'h-atlas' })])],
])('says %s of the copy on the standby', (state, view) => {
  expect(view?.state).toBe(state);
});

it('knows that a drill on the other host says nothing of this copy', () => {
  expect(of([], [result({ host: 'h-atlas' })])?.stale).toBe('moved');
});

it('tells who decided to do without; nobody where the record is older than drills', () => {
  const drill = { passed: null, waived: { at: 5, by: 'Ann' } };
  expect(of([], [], { record: { drill } })?.waived).toEqual({ at: 5, by: 'Ann' });
  expect(of([])?.waived).toEqual({ at: null, by: null });
  expect(of([], [], { record: { drill: { passed: null, waived: null } } })?.waived).toBeNull();
});

it('says nothing of agents that know no drills', () => {
  expect(of(null, null)).toBeNull();
});
