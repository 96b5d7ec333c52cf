import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fail, ok } from '../../../agent/protocol/index.ts';
import { type Bench, openBench, problemOf } from '../testing/bench.ts';
import { agentState, hostRecord, pairStatus, task, vm, WEB } from '../testing/fake-link.ts';

const BROKEN = { kind: 'link-closed', message: 'It broke.', next: 'Wait.' };
const REFUSED = { kind: 'disk-full', message: 'No space on boreas.', next: 'Make space.' };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas')]);
  bench.link('atlas').goOnline(agentState({ vms: [vm()], pairs: [pairStatus('h-atlas')] }));
});
afterEach(() => bench.close());

const protect = (requestId = 'r1') =>
  bench.session.protect.start({ requestId, hostId: 'h-atlas', vmUuid: WEB, standby: 'h-boreas' });
const events = () =>
  bench.session.audit.list({ pairId: null, before: null, limit: 50 }).map((a) => a.entry.event);
const sent = () => bench.link('atlas').callsOf('protect.start');

test('an order is written down before it is sent, under the name of the person', async () => {
  let stateWhenSent: string | undefined;
  bench.link('atlas').answers['protect.start'] = () => {
    stateWhenSent = bench.storage.commands.get('r1')?.state;
    return ok({ task: task() });
  };
  expect(await protect()).toEqual({ taskId: 'r1', hostId: 'h-atlas' });
  expect(stateWhenSent).toBe('open');
  expect(bench.storage.commands.get('r1')?.state).toBe('accepted');
  expect(sent()).toMatchObject([{ requestId: 'r1', actor: 'ada', vmUuid: WEB, standby: 'h-boreas' }]);
  expect(events()).toEqual(['protect-start-ordered']);
});

test('the same request again is answered, not sent again', async () => {
  bench.link('atlas').answers['protect.start'] = () => ok({ task: task() });
  await protect();
  expect(await protect()).toEqual({ taskId: 'r1', hostId: 'h-atlas' });
  expect(sent()).toHaveLength(1);
});

test('a refusal reaches the person, and the request is used up', async () => {
  bench.link('atlas').answers['protect.start'] = () => fail(REFUSED);
  expect(await problemOf(protect())).toEqual(REFUSED);
  expect(await problemOf(protect())).toMatchObject({ kind: 'request-used' });
  expect(events()).toContain('order-refused');
});

test('to a silent host nothing is ordered and nothing is written', async () => {
  bench.link('atlas').goOffline();
  expect(await problemOf(protect())).toMatchObject({ kind: 'host-offline' });
  expect(bench.storage.commands.get('r1')).toBeNull();
  expect(events()).toEqual([]);
});

test('a machine cannot stand by where it runs', async () => {
  const order = { requestId: 'r1', hostId: 'h-atlas', vmUuid: WEB, standby: 'h-atlas' };
  expect(await problemOf(bench.session.protect.start(order))).toMatchObject({ kind: 'same-host' });
});

test('an answer that was lost is asked for again with the very same order', async () => {
  const atlas = bench.link('atlas');
  atlas.answers['protect.start'] = () => fail(BROKEN);
  expect(await problemOf(protect())).toMatchObject({ kind: 'outcome-unknown' });
  atlas.goOffline();
  atlas.answers['protect.start'] = () => ok({ task: task() });
  atlas.goOnline(agentState());
  await vi.waitFor(() => expect(bench.storage.commands.get('r1')?.state).toBe('accepted'));
  expect(sent()[1]).toEqual(sent()[0]);
});

test('after a restart an order the agent has is found again, without a second one', async () => {
  bench.link('atlas').answers['protect.start'] = () => fail(BROKEN);
  await problemOf(protect());
  await bench.reopen();
  bench.link('atlas').goOnline(agentState({ tasks: [task({ id: 'r1' })] }));
  await vi.waitFor(() => expect(bench.storage.commands.get('r1')?.state).toBe('accepted'));
  expect(sent()).toEqual([]);
  expect(bench.reported).toEqual([]);
});

test('an old order that never arrived is reported, not carried out', async () => {
  bench.link('atlas').answers['protect.start'] = () => fail(BROKEN);
  await problemOf(protect());
  bench.clock.now += 3_600_000;
  await bench.reopen();
  bench.link('atlas').goOnline(agentState());
  await vi.waitFor(() => expect(bench.reported).toHaveLength(1));
  expect(bench.reported[0]).toMatchObject({ kind: 'order-lost' });
  expect(bench.reported[0]?.message).toContain('Protect web');
  expect(sent()).toEqual([]);
  expect(bench.storage.commands.get('r1')?.state).toBe('lost');
});

test('planned orders go to the owner', async () => {
  const atlas = bench.link('atlas');
  atlas.answers['pair.switchover'] = () => ok({ task: task({ id: 's1' }) });
  atlas.answers['protect.end'] = () => ok({ task: task({ id: 'e1' }) });
  atlas.answers['pair.resync'] = () => ok({ task: task({ id: 'c1' }) });
  await bench.session.protect.switchover({ requestId: 's1', pairId: 'p1' });
  await bench.session.protect.end({ requestId: 'e1', pairId: 'p1' });
  await bench.session.protect.resync({ requestId: 'c1', pairId: 'p1' });
  expect(atlas.callsOf('pair.switchover')).toEqual([
    { requestId: 's1', pairId: 'p1', actor: 'ada', way: 'auto', switchOff: false },
  ]);
  expect(await problemOf(bench.session.protect.end({ requestId: 'x', pairId: 'gone' }))).toMatchObject({
    kind: 'no-such-pair',
  });
});

test('a cancel goes to the host that carries the task out', async () => {
  const atlas = bench.link('atlas');
  atlas.answers['task.cancel'] = () => ok({});
  atlas.notice({ notice: 'task', value: task({ id: 't9' }) });
  await bench.session.cancelTask('t9');
  expect(atlas.callsOf('task.cancel')).toMatchObject([{ taskId: 't9', actor: 'ada' }]);
  expect(await problemOf(bench.session.cancelTask('nope'))).toMatchObject({ kind: 'no-such-task' });
});

test('a machine whose pair is lost is let go by its host, written down before and when refused', async () => {
  const atlas = bench.link('atlas');
  const doubt = { kind: 'let-go-in-doubt', message: 'boreas cannot be asked.', next: 'Look.' };
  const lost = { vmUuid: WEB, name: 'web', problem: doubt };
  atlas.notice({ notice: 'guard', value: { state: 'armed', why: null, unclaimed: [lost] } });
  let before: string[] = [];
  atlas.answers['guard.letGo'] = () => {
    before = events();
    return fail(doubt);
  };
  const order = { hostId: 'h-atlas', vmUuid: WEB };
  expect(await problemOf(bench.session.protect.letGo({ ...order, vouched: false }))).toEqual(doubt);
  expect([before[0], events()[0]]).toEqual(['let-go-ordered', 'order-refused']);
  atlas.answers['guard.letGo'] = () => ok({});
  await bench.session.protect.letGo({ ...order, vouched: true });
  expect(atlas.callsOf('guard.letGo')).toMatchObject([{ vouched: false }, { vouched: true, actor: 'ada' }]);
  expect(bench.session.audit.list({ pairId: null, before: null, limit: 1 })[0]?.entry.text).toBe(
    'Let web go on atlas: ordered, vouching that no other host runs it.',
  );
});

test('a fix is carried out on the member its check named', async () => {
  const atlas = bench.link('atlas');
  atlas.answers['protect.fix'] = () => ok({});
  await bench.session.protect.fix({ hostId: 'h-atlas', vmUuid: WEB, on: 'boreas', fix: 'start-libvirt' });
  await bench.session.protect.fix({ hostId: 'h-atlas', vmUuid: WEB, on: 'h-atlas', fix: 'start-libvirt' });
  expect(atlas.callsOf('protect.fix')).toMatchObject([{ hostId: 'h-boreas' }, { hostId: 'h-atlas' }]);
});

test('a limit for copies is given to every host that is named, and written down before', async () => {
  const atlas = bench.link('atlas');
  let before: string[] = [];
  atlas.answers['host.limits'] = () => {
    before = events();
    return ok({});
  };
  const limit = { mibPerS: 5, hours: null };
  await bench.session.limits.set({ hostIds: ['h-atlas'], limit });
  expect(before[0]).toBe('limits-ordered');
  expect(atlas.callsOf('host.limits')).toMatchObject([{ limit, actor: 'ada' }]);
  const wrong = bench.session.limits.set({ hostIds: ['h-atlas'], limit: { mibPerS: 0, hours: null } });
  expect(await problemOf(wrong)).toMatchObject({ kind: 'rate-out-of-range' });
  expect(atlas.callsOf('host.limits')).toHaveLength(1);
});
