import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fail, ok } from '../../../agent/protocol/index.ts';
import { type Bench, openBench, problemOf } from '../testing/bench.ts';
import { agentState, hostRecord, pairStatus, vm } from '../testing/fake-link.ts';
import { armedRecord, pairRecord } from '../testing/pair-words.ts';

const BROKEN = { kind: 'link-closed', message: 'It broke.', next: 'Wait.' };
const REFUSED = { kind: 'armed', message: 'It is armed.', next: 'Pause it first.' };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas'), hostRecord('pi', { role: 'witness' })]);
  bench.link('atlas').goOnline(agentState({ vms: [vm()], pairs: [pairStatus('h-atlas'), second()] }));
  bench.link('boreas').goOnline(agentState({ pairs: [pairStatus('h-boreas')] }));
  bench.link('pi').goOnline(agentState());
});
afterEach(() => bench.close());

/** Another pair of atlas, whose other member this console does not know. */
function second() {
  const status = pairStatus('h-atlas');
  const record = { ...pairRecord, pairId: 'p2', members: ['h-atlas', 'h-cora'] as [string, string] };
  const workload = { ...status.spec.workload, name: 'mail' };
  return { ...status, record, spec: { ...status.spec, pairId: 'p2', workload, members: record.members } };
}

const answerAll = (name: string) => {
  bench.link(name).answers['pair.settings'] = () => ok({ record: armedRecord });
};
const set = (scope: Parameters<typeof bench.session.automation.set>[0]['scope'], change: object) =>
  bench.session.automation.set({ requestId: 'r1', scope, change });
const audited = () => bench.session.audit.list({ pairId: null, before: null, limit: 50 }).map((a) => a.entry);

describe('settings of several pairs', () => {
  test('the whole fleet is paused: every pair is ordered from its owner and written down', async () => {
    answerAll('atlas');
    const { outcomes } = await set({ kind: 'fleet' }, { paused: true });
    expect(outcomes).toEqual([
      { pairId: 'p2', name: 'mail', problem: null },
      { pairId: 'p1', name: 'web', problem: null },
    ]);
    expect(bench.link('atlas').callsOf('pair.settings')).toMatchObject([
      { requestId: 'r1-0', actor: 'ada', pairId: 'p2', change: { paused: true } },
      { requestId: 'r1-1', pairId: 'p1' },
    ]);
    expect(audited().map((entry) => [entry.event, entry.pairId, entry.text])).toContainEqual([
      'automation-set-ordered',
      'p1',
      'web: pause of automation ordered.',
    ]);
  });

  test('one that is refused does not keep the others back, and is named', async () => {
    bench.link('atlas').answers['pair.settings'] = ({ pairId }) =>
      pairId === 'p1' ? fail(REFUSED) : ok({ record: armedRecord });
    const { outcomes } = await set({ kind: 'host', hostId: 'h-atlas' }, { profile: 'fast' });
    expect(outcomes.map((each) => [each.name, each.problem])).toEqual([
      ['mail', null],
      ['web', REFUSED],
    ]);
    expect(audited().map((entry) => entry.event)).toContain('order-refused');
  });

  test('when the owner cannot be reached the other member is asked; without any, that is said', async () => {
    bench.link('atlas').answers['pair.settings'] = () => fail(BROKEN);
    answerAll('boreas');
    const change = { maintenance: { until: 3_610_000, reason: 'new disks' } };
    const { outcomes } = await set({ kind: 'pairs', pairIds: ['p1'] }, change);
    expect(outcomes).toMatchObject([{ problem: null }]);
    bench.link('atlas').goOffline();
    bench.link('boreas').goOffline();
    const none = await set({ kind: 'pairs', pairIds: ['p1'] }, change);
    expect(none.outcomes[0]?.problem).toMatchObject({ kind: 'host-offline' });
    expect(none.outcomes[0]?.problem?.message).toContain('atlas and boreas do not answer');
  });
});

describe('the witness of pairs', () => {
  const setWitness = (witness: string | null, pairIds = ['p1']) =>
    bench.session.automation.setWitness({ requestId: 'r1', pairIds, witness });

  test('is ordered from the owner', async () => {
    const atlas = bench.link('atlas');
    atlas.answers['pair.witness'] = () => ok({ record: armedRecord });
    expect((await setWitness('h-pi')).outcomes).toMatchObject([{ name: 'web', problem: null }]);
    expect(atlas.callsOf('pair.witness')).toMatchObject([{ pairId: 'p1', witness: 'h-pi', actor: 'ada' }]);
  });

  test('is neither of the two it judges, and not set through a silent owner', async () => {
    expect((await setWitness('h-boreas')).outcomes[0]?.problem).toMatchObject({ kind: 'witness-is-member' });
    bench.link('atlas').goOffline();
    expect((await setWitness('h-pi')).outcomes[0]?.problem).toMatchObject({ kind: 'host-offline' });
    const order = { requestId: 'r2', hostId: 'h-atlas', vmUuid: vm().uuid, standby: 'h-boreas' };
    expect(await problemOf(bench.session.protect.start({ ...order, witness: 'h-boreas' }))).toMatchObject({
      kind: 'witness-is-member',
    });
  });
});

test('a protection begins with what the person chose', async () => {
  const atlas = bench.link('atlas');
  atlas.answers['protect.start'] = () => fail(REFUSED);
  const order = { requestId: 'r3', hostId: 'h-atlas', vmUuid: vm().uuid, standby: 'h-boreas' };
  await problemOf(bench.session.protect.start(order));
  await problemOf(
    bench.session.protect.start({
      ...order,
      requestId: 'r4',
      policy: 'automatic',
      profile: 'fast',
      witness: 'h-pi',
    }),
  );
  expect(atlas.callsOf('protect.start')).toMatchObject([
    { policy: 'manual', profile: 'balanced', witness: null },
    { policy: 'automatic', profile: 'fast', witness: 'h-pi' },
  ]);
});
