import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fail, ok, type PairStatus, type Task } from '../../../agent/protocol/index.ts';
import { type Bench, openBench } from '../testing/bench.ts';
import { agentState, hostRecord, pairStatus, vm } from '../testing/fake-link.ts';

/** Three protected machines on atlas, all in sync on boreas. */
const NAMES = ['web', 'mail', 'wiki'];
const idOf = (name: string): string => `p-${name}`;
const REFUSED = { kind: 'not-in-sync', message: 'It is out of step.', next: 'Wait.' };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas')]);
  bench
    .link('atlas')
    .goOnline(agentState({ vms: [vm({ name: 'alone', uuid: ALONE })], pairs: NAMES.map(on) }));
  bench.link('boreas').goOnline(agentState());
  bench.link('atlas').answers['pair.switchover.check'] = ({ pairId }) =>
    ok(pairId === 'p-wiki' ? { live: false, hindrances: ['a USB stick'] } : { live: true, hindrances: [] });
  bench.link('atlas').answers['pair.switchover'] = ({ pairId, requestId }) =>
    ok({ task: task(requestId, pairId, 'running') });
});
afterEach(() => bench.close());

const ALONE = '11111111-2222-4333-8444-555555555555';

function on(name: string, index = 0): PairStatus {
  const status = pairStatus('h-atlas');
  const workload = { ...status.spec.workload, name, uuid: `6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3${index}` };
  const record = { ...status.record, pairId: idOf(name) };
  return { ...status, record, spec: { ...status.spec, pairId: idOf(name), workload } };
}

function task(id: string, pairId: string, state: Task['state'], problem: Task['problem'] = null): Task {
  return {
    id,
    kind: 'switchover',
    pairId,
    subject: pairId,
    state,
    startedAt: 1,
    endedAt: state === 'running' ? null : 2,
    steps: [],
    progress: null,
    problem,
    cancellable: false,
    resumed: 0,
  };
}

const start = (names = NAMES) =>
  bench.session.evacuation.start({
    requestId: 'e1',
    hostId: 'h-atlas',
    kind: 'away',
    pairIds: names.map(idOf),
    way: 'auto',
  });
const ordered = () =>
  bench.link('atlas').callsOf('pair.switchover') as { pairId: string; requestId: string; way: string }[];
const states = () =>
  bench.session.evacuation.last('h-atlas')?.items.map(({ name, state }) => `${name} ${state}`);
const ends = (index: number, state: Task['state'], problem: Task['problem'] = null): void => {
  const order = ordered()[index];
  if (!order) throw new Error(`order ${index} was not given`);
  bench.link('atlas').notice({ notice: 'task', value: task(order.requestId, order.pairId, state, problem) });
};
const soon = (check: () => void) => vi.waitFor(check, { interval: 5 });

describe('evacuating a host', () => {
  test('the plan says what moves how, what cannot, and what has no copy', async () => {
    const plan = await bench.session.evacuation.plan('h-atlas', 'away');
    expect(plan.unprotected).toEqual(['alone']);
    expect(
      plan.candidates.map(({ name, live, whyCold, obstacle }) => [name, live, whyCold, obstacle]),
    ).toEqual([
      ['mail', true, null, null],
      ['web', true, null, null],
      ['wiki', false, 'a USB stick', null],
    ]);
    expect((await bench.session.evacuation.plan('h-boreas', 'away')).candidates).toEqual([]);
  });

  test('moves one whose copy is kept by points like any other', async () => {
    const kept = on('web');
    const replica = { ...kept.record.replica, mode: 'interval' as const, state: 'stale' as const };
    const point = { id: 'a1', at: 900, quiesced: true, bytes: 1 };
    const none = { behindBytes: 0, nextAt: 990, tookMs: 1, gapMs: 1, alarm: null };
    const mirror = {
      ...{ state: 'following' as const, doneBytes: 1, totalBytes: 1, rateBps: 0, since: 850, problem: null },
      follow: { ...none, point, wholeUntil: 900 },
    };
    bench
      .link('atlas')
      .goOnline(agentState({ pairs: [{ ...kept, record: { ...kept.record, replica }, mirror }] }));
    const plan = await bench.session.evacuation.plan('h-atlas', 'away');
    expect(plan.candidates.map(({ name, obstacle, live }) => [name, obstacle, live])).toEqual([
      ['web', null, true],
    ]);
  });

  test('two at a time, in the order given, and a report of what could not move', async () => {
    start();
    await soon(() => expect(ordered().map(({ pairId }) => pairId)).toEqual(['p-web', 'p-mail']));
    expect(states()).toEqual(['web moving', 'mail moving', 'wiki waiting']);
    ends(0, 'done');
    await soon(() => expect(ordered()).toHaveLength(3));
    ends(1, 'failed', REFUSED);
    ends(2, 'done');
    await soon(() => expect(bench.session.evacuation.last('h-atlas')?.endedAt).not.toBeNull());
    expect(states()).toEqual(['web moved', 'mail stays', 'wiki moved']);
    const [latest] = bench.session.audit.list({ pairId: null, before: null, limit: 1 });
    expect(latest?.entry.text).toBe('2 of 3 machines left atlas. mail did not: It is out of step.');
  });

  test('one that is refused does not keep the others back', async () => {
    bench.link('atlas').answers['pair.switchover'] = ({ pairId, requestId }) =>
      pairId === 'p-web' ? fail(REFUSED) : ok({ task: task(requestId, pairId, 'running') });
    start();
    await soon(() => expect(states()).toEqual(['web stays', 'mail moving', 'wiki moving']));
  });

  test('stopped: those on their way get there, no other is begun', async () => {
    start();
    await soon(() => expect(ordered()).toHaveLength(2));
    bench.session.evacuation.stop('h-atlas');
    ends(0, 'done');
    ends(1, 'done');
    await soon(() => expect(bench.session.evacuation.last('h-atlas')?.endedAt).not.toBeNull());
    expect(states()).toEqual(['web moved', 'mail moved', 'wiki stays']);
    expect(ordered()).toHaveLength(2);
  });

  test('the same request is the same evacuation; another one waits', async () => {
    const first = start();
    expect(start()).toEqual(first);
    expect(() =>
      bench.session.evacuation.start({
        requestId: 'e2',
        hostId: 'h-atlas',
        kind: 'away',
        pairIds: [idOf('web')],
        way: 'auto',
      }),
    ).toThrow('being moved already');
  });

  test('an agent that falls silent is waited for', async () => {
    start(['web']);
    await soon(() => expect(ordered()).toHaveLength(1));
    bench.link('atlas').goOffline();
    const id = ordered()[0]?.requestId ?? '';
    bench.link('atlas').goOnline(agentState({ pairs: NAMES.map(on), tasks: [task(id, 'p-web', 'done')] }));
    await soon(() => expect(states()).toEqual(['web moved']));
  });
});
