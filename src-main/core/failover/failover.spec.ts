import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Sight } from '../../../agent/protocol/index.ts';
import { ok } from '../../../agent/protocol/index.ts';
import { type Bench, openBench, problemOf } from '../testing/bench.ts';
import { agentState, hostRecord, pairRecord, pairStatus, task, vm } from '../testing/fake-link.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas'), hostRecord('pi', { role: 'witness' })]);
  const boreas = bench.link('boreas');
  boreas.goOnline(agentState({ pairs: [pairStatus('h-boreas')] }));
  boreas.answers['sight.list'] = () => ok({ sights: [sight(false)] });
  boreas.answers['pair.failover'] = () => ok({ task: task({ id: 'f1', kind: 'failover' }) });
  bench.link('atlas').goOffline(2_000);
});
afterEach(() => bench.close());

const sight = (reachable: boolean): Sight => ({
  hostId: 'h-atlas',
  name: 'atlas',
  reachable,
  since: 2_000,
  lastHeardAt: 2_000,
});

/** atlas is there and says so; `state` of the machine as its agent tells it when asked. */
function atlasAnswers(state: 'running' | 'stopped'): void {
  const atlas = bench.link('atlas');
  const told = agentState({ vms: [vm({ state })], pairs: [pairStatus('h-atlas')] });
  atlas.answers['state.subscribe'] = () => ok(told);
  atlas.goOnline(told);
}

const failover = (seen: 'proven' | 'unproven', typedName: string | null = null) =>
  bench.session.failover.failover({ requestId: 'f1', pairId: 'p1', seen, typedName });
const orders = () => bench.link('boreas').callsOf('pair.failover');

test('with the old host silent: typed name, forced, with the evidence that was shown', async () => {
  const verdict = await bench.session.failover.verdict('p1');
  expect(verdict).toMatchObject({ result: 'unproven', typedName: 'web', standby: 'h-boreas' });
  expect(verdict.evidence.map((piece) => piece.source)).toEqual([
    'this console',
    "boreas's agent",
    'witness pi',
  ]);
  expect(await failover('unproven', ' web ')).toEqual({ taskId: 'f1', hostId: 'h-boreas' });
  expect(orders()).toMatchObject([
    {
      pairId: 'p1',
      expected: pairRecord.epoch,
      forced: true,
      actor: 'ada',
      evidence: { verdict: 'unproven', "boreas's agent": expect.stringContaining('has not heard atlas') },
    },
  ]);
  const [entry] = bench.session.audit.list({ pairId: 'p1', before: null, limit: 1 });
  expect(entry?.entry).toMatchObject({ event: 'pair-failover-ordered', evidence: { verdict: 'unproven' } });
});

test('the old host says it is stopped: proven, not forced', async () => {
  atlasAnswers('stopped');
  expect(await bench.session.failover.verdict('p1')).toMatchObject({ result: 'proven', typedName: null });
  await failover('proven');
  expect(orders()).toMatchObject([{ forced: false }]);
});

test('the old host says it runs: refused', async () => {
  atlasAnswers('running');
  await bench.session.failover.verdict('p1');
  expect(await problemOf(failover('unproven', 'web'))).toMatchObject({ kind: 'still-running' });
  expect(orders()).toEqual([]);
});

test('what was seen counts only while it is no worse', async () => {
  atlasAnswers('stopped');
  await bench.session.failover.verdict('p1');
  bench.link('atlas').goOffline(3_000);
  expect(await problemOf(failover('proven'))).toMatchObject({ kind: 'verdict-changed' });
  expect(orders()).toEqual([]);
});

test('it may have become better meanwhile', async () => {
  await bench.session.failover.verdict('p1');
  atlasAnswers('stopped');
  await failover('unproven', 'web');
  expect(orders()).toMatchObject([{ forced: false }]);
});

test('a confirmation counts for the owner that was shown, not for the next one', async () => {
  await bench.session.failover.verdict('p1');
  const taken = { ...pairRecord, epoch: { n: 2, by: 'h-boreas' }, owner: 'h-boreas' };
  const boreas = bench.link('boreas');
  const pair = pairStatus('h-boreas', { record: taken, local: { kind: 'primary', vm: 'stopped' } });
  boreas.notice({ notice: 'pair', value: { pairId: 'p1', pair } });
  boreas.answers['state.subscribe'] = () =>
    ok(agentState({ vms: [vm({ state: 'stopped' })], pairs: [pair] }));
  const atlas = bench.link('atlas');
  atlas.answers['sight.list'] = () => ok({ sights: [] });
  atlas.goOnline(agentState({ pairs: [pairStatus('h-atlas')] }));
  expect(await problemOf(failover('unproven', 'web'))).toMatchObject({ kind: 'verdict-changed' });
  expect([...orders(), ...atlas.callsOf('pair.failover')]).toEqual([]);
});

test('without a verdict shown, and with a wrong name, nothing is ordered', async () => {
  expect(await problemOf(failover('unproven', 'web'))).toMatchObject({ kind: 'verdict-changed' });
  await bench.session.failover.verdict('p1');
  expect(await problemOf(failover('unproven', 'wbe'))).toMatchObject({
    kind: 'wrong-name',
    field: 'typedName',
  });
  expect(await problemOf(failover('unproven'))).toMatchObject({ kind: 'wrong-name' });
  expect(orders()).toEqual([]);
});

test('the standby hears the old host: refused, although this console does not', async () => {
  bench.link('boreas').answers['sight.list'] = () => ok({ sights: [sight(true)] });
  expect(await bench.session.failover.verdict('p1')).toMatchObject({
    result: 'running',
    refusal: { kind: 'still-running' },
  });
});
