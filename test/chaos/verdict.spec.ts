import { expect, it } from 'vitest';
import { ALL_KINDS } from './ambush.ts';
import { cue } from './director.ts';
import { Epochs, touched, twoCopies, unforgiven, untold } from './verdict.ts';
import type { Change, GuestState } from './watch.ts';

const change = (at: number, from: GuestState | 'none', to: GuestState | 'none', host = 'a'): Change => ({
  t: 'change',
  at,
  host,
  uuid: 'u',
  pid: 1,
  start: 100,
  from,
  to,
});
const never = () => false;

it('the same seed gives the same faults, another seed others', () => {
  const plan = (seed: number) =>
    Array.from({ length: 50 }, (_, n) => {
      const { kind, machine, holdMs, nextMs } = cue(seed, n, ['erp', 'shop']);
      return [kind.name, machine, holdMs, nextMs];
    });
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
});

it('every kind comes up, and at least three faults a minute', () => {
  const cues = Array.from({ length: 1_000 }, (_, n) => cue(1, n, ['erp']));
  expect(new Set(cues.map(({ kind }) => kind.name)).size).toBe(ALL_KINDS.length);
  expect(cues.reduce((sum, { nextMs }) => sum + nextMs, 0) / cues.length).toBeLessThan(20_000);
});

it('two copies are a violation unless a thaw explains them', () => {
  const overlap = {
    t: 'overlap' as const,
    uuid: 'u',
    after: 0,
    first: 1,
    last: 50,
    before: 60,
    hosts: ['a', 'b'],
  };
  expect(twoCopies([{ ...overlap, thawed: 'a' }])).toEqual([]);
  expect(twoCopies([{ ...overlap, thawed: null }])).toMatchObject([{ invariant: 'I1', at: 1 }]);
});

it('on shared disks nothing excuses two copies: a process that lives keeps the other from beginning', () => {
  const times = { after: 0, first: 1, last: 50, before: 60 };
  const overlap = { t: 'overlap' as const, uuid: 'u', ...times, hosts: ['a', 'b'], thawed: 'a' };
  expect(twoCopies([overlap], new Set(['u']))).toMatchObject([{ invariant: 'I1', at: 1 }]);
  expect(twoCopies([overlap], new Set(['another']))).toEqual([]);
});

it('an unprotected machine may only share the fate of its host', () => {
  const bystanders = new Map([['a', 'u']]);
  expect(touched([change(1, 'runs', 'frozen'), change(2, 'frozen', 'runs')], bystanders, never)).toEqual([]);
  expect(touched([change(1, 'runs', 'none')], bystanders, () => true)).toEqual([]);
  expect(touched([change(1, 'runs', 'none')], bystanders, never)).toHaveLength(1);
  expect(touched([change(1, 'runs', 'stopped')], bystanders, never)).toHaveLength(1);
  expect(touched([change(1, 'none', 'runs', 'b')], bystanders, never)).toHaveLength(1);
});

it('a start that no history tells of is a violation, if the machine got to run', () => {
  const pairs = new Map([['u', 'p']]);
  const began = Date.now();
  const start = { ...change(began, 'none', 'paused'), start: Math.round(performance.now() / 10) };
  const runs = { ...start, from: 'paused' as const, to: 'runs' as const };
  const entry = { seq: 1, at: 0, actor: 'agent', event: 'x', text: '', host: 'a', pairId: 'p' };
  expect(untold([start], [], pairs, never)).toEqual([]);
  expect(untold([start, runs], [entry], pairs, never)).toHaveLength(1);
  expect(untold([start, runs], [], new Map(), never)).toEqual([]);
});

it('epochs only rise, at every host by itself', () => {
  const epochs = new Epochs();
  epochs.saw('a', 'p', 2, 0);
  epochs.saw('b', 'p', 1, 1);
  epochs.saw('b', 'p', 2, 2);
  expect(epochs.violations).toEqual([]);
  epochs.saw('a', 'p', 1, 3);
  expect(epochs.violations).toMatchObject([{ invariant: 'I2', at: 3 }]);
});

it('a failover to a point loses what came after it, and nothing else', () => {
  const acknowledged = [100, 200, 300, 400].map((at, index) => ({ number: index + 1, at }));
  const window = { from: 200, to: 350 };
  expect(unforgiven([3], acknowledged, [window])).toEqual([]);
  expect(unforgiven([2, 3, 4], acknowledged, [window])).toEqual([2, 4]);
  expect(unforgiven([1, 9], acknowledged, [])).toEqual([1, 9]);
});
