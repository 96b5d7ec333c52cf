import { expect, it } from 'vitest';
import { type PairStatus, VERIFY_DEFAULTS, type VerifyResult } from '../../../agent/protocol/index.ts';
import { leaseView, pairRecord } from '../testing/pair-words.ts';
import type { Joined, Member } from './inputs.ts';
import { verifyOf } from './verify.ts';

const result = (outcome: VerifyResult['outcome'], at: number, host = 'h-boreas'): VerifyResult => ({
  ...{ id: `${outcome}-${at}`, at, host, by: 'x', outcome, found: null, problem: null, tookMs: 1 },
  repairedAt: null,
});

function member(id: string, results: VerifyResult[] | null, distrusted = false): Member {
  const spec: PairStatus['spec'] = {
    pairId: 'p1',
    revision: 1,
    workload: { kind: 'vm', uuid: '6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3e', name: 'web' },
    members: ['h-atlas', 'h-boreas'],
    disks: [],
    definitions: {},
    autostartBefore: true,
    createdAt: 0,
  };
  const word: PairStatus = {
    ...{ spec, record: pairRecord, mirror: null, lease: leaseView() },
    local: { kind: 'standby', exports: 'open' },
    peer: { hostId: 'h-atlas', reachable: true, since: 0 },
    ...(results ? { verify: { settings: VERIFY_DEFAULTS, results, distrusted, next: 7 } } : {}),
  };
  return { id, word, leaseAt: 0, name: id, reach: 'answers', silentSince: null };
}

const of = (owner: VerifyResult[] | null, standby: VerifyResult[] | null = [], distrusted = false) =>
  verifyOf({
    ...{ machine: 'web', mirror: null, task: null, now: 0, record: pairRecord },
    owner: member('h-atlas', owner, distrusted),
    standby: member('h-boreas', standby),
    destination: member('h-atlas', owner),
  } satisfies Joined);

it.each([
  ['never', of([])],
  ['alike', of([result('alike', 2), result('differs', 1)])],
  ['alike', of([result('cancelled', 3), result('alike', 2)])],
  ['failed', of([result('failed', 3), result('alike', 2)])],
  ['repaired', of([result('differs', 2)])],
  ['differs', of([result('differs', 2)], [], true)],
  // Of the copy that is on the other host now, or was.
  ['never', of([result('alike', 2, 'h-cora')], [result('alike', 1, 'h-atlas')])],
])('says %s of the copy on the standby', (state, view) => {
  expect(view?.state).toBe(state);
});

it('shows what both hosts kept, the newest first, and when the owner compares next', () => {
  const view = of([result('alike', 2)], [result('alike', 3, 'h-atlas')]);
  expect(view?.results.map(({ at }) => at)).toEqual([3, 2]);
  expect(view).toMatchObject({ hostId: 'h-boreas', next: 7, settings: VERIFY_DEFAULTS });
});

it('says nothing of agents that compare nothing', () => {
  expect(of(null, null)).toBeNull();
});
