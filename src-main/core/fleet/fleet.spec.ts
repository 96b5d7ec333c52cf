import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FleetPatch } from '../../contract/index.ts';
import { type Bench, openBench } from '../testing/bench.ts';
import { agentState, hostRecord, pairStatus, task, vm, WEB } from '../testing/fake-link.ts';
import { armedLease, armedRecord } from '../testing/pair-words.ts';

let bench: Bench;
beforeEach(async () => {
  vi.useFakeTimers();
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas', { addedAt: 2 })]);
  await vi.advanceTimersByTimeAsync(100);
  bench.patches.length = 0;
});
afterEach(async () => {
  await bench.close();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(60);
const snapshot = () => bench.session.fleet.snapshot();

test('each host gets a link with its log-in, and is shown before it answers', () => {
  expect(bench.targets).toMatchObject([
    { hostId: 'h-atlas', login: { method: 'password', password: 'hunter2' }, fingerprint: null },
    { hostId: 'h-boreas' },
  ]);
  expect(Object.values(snapshot().hosts).map((host) => [host.name, host.connection.state])).toEqual([
    ['atlas', 'connecting'],
    ['boreas', 'connecting'],
  ]);
});

test('changes are gathered, and only what differs is told', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState({ vms: [vm(), vm({ uuid: WEB.replace('6', '7'), name: 'mail' })] }));
  for (let cpu = 1; cpu <= 5; cpu++)
    atlas.notice({ notice: 'vm', value: { uuid: WEB, vm: vm({ cpu: cpu / 10 }) } });
  await settle();
  expect(bench.patches).toHaveLength(1);
  expect(Object.keys(bench.patches[0]?.hosts ?? {})).toEqual(['h-atlas']);
  expect(bench.patches[0]?.vms?.[`h-atlas/${WEB}`]?.vm.cpu).toBe(0.5);
  atlas.notice({ notice: 'vm', value: { uuid: WEB, vm: vm({ cpu: 0.5 }) } });
  await settle();
  expect(bench.patches).toHaveLength(1);
});

test('patches applied one by one give the same picture as the snapshot', async () => {
  const [atlas, boreas] = [bench.link('atlas'), bench.link('boreas')];
  const copy = structuredClone(snapshot());
  atlas.goOnline(
    agentState({ vms: [vm()], pairs: [pairStatus('h-atlas')], tasks: [task({ state: 'done' })] }),
  );
  await settle();
  boreas.goOnline(agentState({ pairs: [pairStatus('h-boreas')] }));
  await settle();
  atlas.notice({ notice: 'vm', value: { uuid: WEB, vm: null } });
  atlas.goOffline();
  await settle();
  for (const patch of bench.patches) apply(copy, patch);
  expect(copy).toEqual(snapshot());
});

function apply(copy: Record<string, Record<string, unknown>>, patch: FleetPatch): void {
  for (const [kind, changes] of Object.entries(patch)) {
    const views = copy[kind] ?? {};
    for (const [key, view] of Object.entries(changes ?? {})) {
      if (view === null) delete views[key];
      else views[key] = view;
    }
  }
}

test('a pair is joined from both members, and follows the connection', async () => {
  bench.link('atlas').goOnline(agentState({ pairs: [pairStatus('h-atlas')] }));
  bench.link('boreas').goOnline(agentState({ pairs: [pairStatus('h-boreas')] }));
  await settle();
  expect(snapshot().pairs.p1).toMatchObject({ health: 'in-sync', stale: false });
  const deaf = { hostId: 'h-atlas', reachable: false, since: 2_000 };
  bench.link('boreas').notice({
    notice: 'pair',
    value: { pairId: 'p1', pair: pairStatus('h-boreas', { peer: deaf }) },
  });
  bench.link('atlas').goOffline(2_000);
  await settle();
  expect(snapshot().pairs.p1).toMatchObject({ health: 'primary-lost', since: 2_000, stale: true });
});

test('silence is counted from its beginning, through the attempts in between', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState({ pairs: [pairStatus('h-atlas')] }));
  atlas.goOffline(2_000);
  atlas.connect({ state: 'connecting', since: 3_000, attempt: 2 });
  atlas.goOffline(4_000);
  expect(bench.session.fleet.get('h-atlas')?.sight()).toMatchObject({ reach: 'silent', silentSince: 2_000 });
  atlas.connect({ state: 'online', since: 5_000 });
  expect(bench.session.fleet.get('h-atlas')?.sight()).toMatchObject({ reach: 'answers', silentSince: null });
});

test('what a host said last is shown after a restart, with its age', async () => {
  bench.clock.now = 50_000;
  bench.link('atlas').goOnline(agentState({ vms: [vm()], pairs: [pairStatus('h-atlas')] }));
  await bench.reopen();
  const { hosts, vms, pairs } = snapshot();
  expect(hosts['h-atlas']).toMatchObject({ heardAt: 50_000, connection: { state: 'connecting' } });
  expect(Object.keys(vms)).toEqual([`h-atlas/${WEB}`]);
  expect(pairs.p1).toMatchObject({ name: 'web', stale: true });
});

test('a guest definition, which may hold passwords, goes neither to the page nor to the database', async () => {
  const pair = pairStatus('h-atlas');
  const told = { ...pair, spec: { ...pair.spec, definitions: { 'h-atlas': "<graphics passwd='x'/>" } } };
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState({ pairs: [told] }));
  atlas.notice({ notice: 'pair', value: { pairId: 'p1', pair: told } });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(JSON.stringify(snapshot())).not.toContain('passwd');
  const kept = bench.storage.hosts.lastState('h-atlas');
  expect(kept?.state.pairs[0]?.spec.definitions).toEqual({});
});

test('a database that cannot be written is told, and the fleet goes on', async () => {
  vi.spyOn(bench.storage.hosts, 'keepState').mockImplementation(() => {
    throw new Error('database or disk is full');
  });
  bench.link('atlas').goOnline(agentState());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(bench.reported).toMatchObject([
    { kind: 'not-kept', message: expect.stringContaining('disk is full') },
  ]);
  expect(snapshot().hosts['h-atlas']?.connection.state).toBe('online');
  vi.restoreAllMocks();
});

test('a pair that ended and a removed host leave nothing behind', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState({ vms: [vm()], pairs: [pairStatus('h-atlas')], tasks: [task()] }));
  await settle();
  atlas.notice({ notice: 'pair', value: { pairId: 'p1', pair: null } });
  await settle();
  expect(snapshot().pairs).toEqual({});
  await bench.session.fleet.remove('h-atlas');
  await settle();
  expect(snapshot()).toMatchObject({ vms: {}, tasks: {}, hosts: { 'h-boreas': {} } });
  expect(Object.keys(snapshot().hosts)).toEqual(['h-boreas']);
  expect(atlas.closed).toBe(true);
});

test('a state told anew takes away what is no longer in it', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState({ vms: [vm()], pairs: [pairStatus('h-atlas')], tasks: [task()] }));
  await settle();
  atlas.goOnline(agentState());
  await settle();
  expect(snapshot()).toMatchObject({ vms: {}, pairs: {}, tasks: {} });
});

test('leases go on all the time: the pages hear of it now and then, and it is not written down', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState({ pairs: [pairStatus('h-atlas', { record: armedRecord })] }));
  await vi.advanceTimersByTimeAsync(5_000);
  bench.patches.length = 0;
  const kept = bench.storage.hosts.lastState('h-atlas');
  for (let nth = 0; nth < 10; nth += 1) {
    bench.clock.now += 100;
    atlas.notice({ notice: 'lease', value: { pairId: 'p1', lease: armedLease('owner') } });
    await vi.advanceTimersByTimeAsync(100);
  }
  const told = bench.patches.filter((patch) => patch.pairs !== undefined);
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(5);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(snapshot().pairs.p1?.automation.lease).toMatchObject({
    renewedAt: bench.clock.now - 1_000,
    endsAt: bench.clock.now + 3_000,
  });
  expect(bench.storage.hosts.lastState('h-atlas')).toEqual(kept);
});

test('a host tells how its guard is', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState());
  expect(snapshot().hosts['h-atlas']?.guard).toEqual({ state: 'armed', why: null, unclaimed: [] });
  const guard = { state: 'missing' as const, why: 'It is not installed.', unclaimed: [] };
  atlas.notice({ notice: 'guard', value: guard });
  await settle();
  expect(snapshot().hosts['h-atlas']?.guard).toEqual(guard);
});

test('a greeting tells how far the clock of the host is off', async () => {
  bench.link('atlas').greet(bench.clock.now + 4_000);
  await settle();
  expect(snapshot().hosts['h-atlas']?.clockAheadMs).toBe(4_000);
  expect(snapshot().hosts['h-boreas']?.clockAheadMs).toBeNull();
});
