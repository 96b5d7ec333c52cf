import { expect, it } from 'vitest';
import { createRecord } from '../../agent/lease/transitions.ts';
import type { PairStatus, RecordMode, ReplicationMode } from '../../agent/protocol/index.ts';
import { ALL_KINDS, kindsFor } from './ambush.ts';
import { Book } from './book.ts';
import { cast, MOST_MACHINES, wayName } from './cast.ts';
import { cue } from './director.ts';
import { WAYS } from './kinds-mode.ts';
import { judgeWrites } from './writes.ts';

it('the seed says who keeps the copies of the third machine and the fourth', () => {
  expect(cast(3, 31)).toMatchObject({ machines: ['erp', 'shop', 'mail'], attended: { mail: 'shared' } });
  expect(cast(3, 32).attended).toEqual({ mail: 'external' });
  expect(cast(MOST_MACHINES, 31).attended).toEqual({ mail: 'shared', wiki: 'external' });
  expect(cast(MOST_MACHINES, 32).attended).toEqual({ mail: 'external', wiki: 'shared' });
});

it('a smaller run is as it was: one machine alone, and a second about which a person decides', () => {
  expect(cast(1, 1)).toEqual({ machines: ['erp'], loose: {}, attended: {}, guests: 2 });
  expect(cast(2, 1)).toMatchObject({ machines: ['erp', 'shop'], attended: {}, guests: 2 });
  expect(Object.keys(cast(2, 1).loose)).toEqual(['shop']);
});

it('faults of storage that others keep come up where there is such storage, and change no run without', () => {
  const names = (attended: number): string[] => kindsFor(attended).map(({ name }) => name);
  expect(names(0)).not.toContain('storage-lost');
  expect(names(1)).toEqual(ALL_KINDS.map(({ name }) => name));
  const met = Array.from({ length: 2_000 }, (_, n) => cue(1, n, cast(3, 1).machines, kindsFor(1)));
  const hits = met.filter(({ kind, machine }) => kind.name === 'storage-lost' && machine === 'mail');
  expect(hits.length).toBeGreaterThan(10);
});

it('every way has a name of its own', () => {
  const external = (synchronous: boolean): ReplicationMode => {
    return { kind: 'external', synchronous, everyS: 1, commands: {} };
  };
  const ways = [...WAYS, { kind: 'shared' } as const, external(true), external(false)];
  expect(new Set(ways.map(wayName)).size).toBe(ways.length);
});

const sight = (mode: RecordMode, armed: boolean, replication: ReplicationMode) => {
  const founded = createRecord({
    pairId: 'p',
    members: ['a', 'b'],
    voters: ['a'],
    owner: 'a',
    wall: 0,
    mode,
  });
  const status = { spec: { replication } } as PairStatus;
  return { record: { ...founded, armed }, owner: 'a', members: { a: status } };
};

it('a way counts once its copy was seen in place, and arming by machine', () => {
  const book = new Book();
  book.saw('mail', sight('shared', false, { kind: 'shared' }), false);
  expect(book.modes('mail')).toEqual([]);
  book.saw('mail', sight('shared', true, { kind: 'shared' }), true);
  book.saw('shop', sight('sync', false, { kind: 'sync', memory: true }), true);
  book.saw('shop', sight('async', false, { kind: 'async', rpoS: 8 }), true);
  expect(book.modes('mail')).toEqual(['shared']);
  expect(book.modes('shop')).toEqual(['async', 'sync, in memory']);
  expect(book.armedShare(['mail'])).toBe(0.5);
  expect(book.armedShare(['mail', 'shop', 'unseen'])).toBe(0.25);
});

it('what is missing is told of its machine, and one that cannot be asked is no clean verdict', async () => {
  const whole = {
    forgiven: 1,
    examples: [],
    acknowledged: [0, 3_000].map((at, number) => ({ at, number, nonce: 'x' })),
  };
  const violations: Parameters<typeof judgeWrites>[1] = [];
  const found = await judgeWrites(
    [
      { machine: 'erp', acked: 2, judge: async () => ({ ...whole, acked: 2, missing: 0 }) },
      { machine: 'mail', acked: 9, judge: async () => ({ ...whole, acked: 9, missing: 3, examples: [4] }) },
      { machine: 'wiki', acked: 5, judge: async () => Promise.reject(new Error('no answer')) },
    ],
    violations,
  );
  expect(found).toMatchObject({ acked: 16, missing: 3, forgiven: 2, outages: { count: 2, medianS: 3 } });
  expect(found.of.mail).toEqual({ acked: 9, missing: 3, forgiven: 1 });
  expect(violations.map(({ text }) => text)).toEqual([
    '3 acknowledged records of mail are missing, such as 4',
    'the records of wiki cannot be read: Error: no answer',
  ]);
});
