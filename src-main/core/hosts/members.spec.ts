import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fail, ok, type Peer } from '../../../agent/protocol/index.ts';
import { type Bench, openBench, problemOf } from '../testing/bench.ts';
import { agentState, hostRecord, OFFLINE, pairStatus } from '../testing/fake-link.ts';
import { armedRecord } from '../testing/pair-words.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas', { addedAt: 2 })]);
});
afterEach(() => bench.close());

const names = () => bench.session.fleet.hosts().map((host) => host.record.name);

test('a new log-in is kept only when it worked', async () => {
  const atlas = bench.link('atlas');
  atlas.retryResult = fail(OFFLINE);
  const login = { method: 'password', password: 'new' } as const;
  expect(await problemOf(bench.session.members.reconnect('h-atlas', login))).toEqual(OFFLINE);
  expect(await bench.secrets.get('host/h-atlas/login')).toBe('hunter2');
  atlas.retryResult = ok(undefined);
  await bench.session.members.reconnect('h-atlas', login);
  expect(atlas.retried[1]).toMatchObject({ login });
  expect(await bench.secrets.get('host/h-atlas/login')).toBe('new');
});

test('the key an added host shows now can be read without trusting it', async () => {
  const offer = await bench.session.members.readKey('h-atlas', new AbortController().signal);
  expect(offer).toMatchObject({ fingerprint: 'SHA256:new' });
  expect(bench.access.trusted).toEqual([]);
});

test('a changed key is trusted only when the server shows the one that was compared', async () => {
  const trust = (fingerprint: string) =>
    bench.session.members.trustKey('h-atlas', fingerprint, new AbortController().signal);
  expect(await problemOf(trust('SHA256:forged'))).toMatchObject({ kind: 'host-key-not-confirmed' });
  expect(bench.access.trusted).toEqual([]);
  await trust('SHA256:new');
  expect(bench.access.trusted).toEqual(['atlas.lan:22 SHA256:new']);
  expect(bench.link('atlas').retried).toHaveLength(1);
});

test('renaming: unique, kept, and told to the other members', async () => {
  const { members } = bench.session;
  expect(await problemOf(members.rename('h-atlas', 'boreas', ''))).toMatchObject({ kind: 'name-taken' });
  expect(await problemOf(members.rename('h-atlas', ' ', ''))).toMatchObject({ kind: 'name-missing' });
  bench.link('boreas').goOnline(agentState());
  expect(await problemOf(members.rename('h-atlas', 'titan', ''))).toMatchObject({ kind: 'host-offline' });
  bench.link('atlas').goOnline(agentState());
  await members.rename('h-atlas', ' titan ', 'Cellar');
  expect(bench.link('atlas').callsOf('agent.label').at(-1)).toMatchObject({ name: 'titan', site: 'Cellar' });
  expect(bench.storage.hosts.list()[0]).toMatchObject({ name: 'titan', site: 'Cellar' });
  expect(bench.link('boreas').callsOf('agent.setPeers').at(-1)).toMatchObject({ peers: [{ name: 'titan' }] });
});

test('a name another console gave is taken on, unless a host here has it already', () => {
  bench.link('atlas').goOnline(agentState());
  bench.link('atlas').notice({ notice: 'label', value: { name: 'titan', site: 'Cellar' } });
  expect(bench.storage.hosts.list()[0]).toMatchObject({ name: 'titan', site: 'Cellar' });
  bench.link('atlas').notice({ notice: 'label', value: { name: 'boreas', site: 'Attic' } });
  expect(bench.storage.hosts.list()[0]).toMatchObject({ name: 'titan', site: 'Attic' });
});

test('a host that takes part in a protection stays, reachable or not', async () => {
  bench.link('atlas').goOnline(agentState({ pairs: [pairStatus('h-atlas')] }));
  for (const hostId of ['h-atlas', 'h-boreas']) {
    const problem = await problemOf(
      bench.session.members.remove(hostId, { evenIfUnreachable: true, keepHistory: false }),
    );
    expect(problem).toMatchObject({ kind: 'host-has-pairs', details: { machines: 'web' } });
  }
  expect(names()).toEqual(['atlas', 'boreas']);
});

test('a witness stays while it votes for a pair', async () => {
  const record = {
    ...armedRecord,
    voters: ['h-atlas', 'h-cora', 'h-boreas'],
    members: ['h-atlas', 'h-cora'],
  };
  const status = pairStatus('h-atlas', { record: record as typeof armedRecord });
  const spec = { ...status.spec, members: ['h-atlas', 'h-cora'] as [string, string] };
  bench.link('atlas').goOnline(agentState({ pairs: [{ ...status, spec }] }));
  const removal = bench.session.members.remove('h-boreas', { evenIfUnreachable: true, keepHistory: false });
  expect(await problemOf(removal)).toMatchObject({ kind: 'host-is-witness', details: { machines: 'web' } });
  expect(names()).toEqual(['atlas', 'boreas']);
});

test('a reachable host is retired, its agent taken off, its secrets forgotten', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState());
  atlas.answers['agent.retire'] = () => ok({ blockedBy: [] });
  await bench.session.members.remove('h-atlas', { evenIfUnreachable: false, keepHistory: false });
  expect(bench.access.uninstalled).toBe(1);
  expect(names()).toEqual(['boreas']);
  expect(await bench.secrets.get('host/h-atlas/login')).toBeNull();
  expect(atlas.closed).toBe(true);
});

test('an agent that knows a pair this console does not, blocks its removal', async () => {
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState());
  atlas.answers['agent.retire'] = () => ok({ blockedBy: ['p7'] });
  expect(
    await problemOf(bench.session.members.remove('h-atlas', { evenIfUnreachable: true, keepHistory: false })),
  ).toMatchObject({
    kind: 'host-has-pairs',
  });
  expect(bench.access.uninstalled).toBe(0);
});

test('an unreachable host is removed only deliberately', async () => {
  bench.link('atlas').goOffline();
  expect(
    await problemOf(
      bench.session.members.remove('h-atlas', { evenIfUnreachable: false, keepHistory: false }),
    ),
  ).toMatchObject({
    kind: 'host-offline',
  });
  await bench.session.members.remove('h-atlas', { evenIfUnreachable: true, keepHistory: false });
  expect(names()).toEqual(['boreas']);
});

test('members another console added are offered and left in the list; removed ones are taken out', async () => {
  const cora: Peer = {
    hostId: 'h-cora',
    name: 'cora',
    address: '10.0.0.7',
    port: 7420,
    replicationPort: 7421,
    role: 'hypervisor',
  };
  const boreas = bench.link('boreas');
  boreas.answers['agent.peers'] = () => ok({ peers: [cora] });
  boreas.goOnline(agentState());
  await vi.waitFor(() => expect(boreas.callsOf('agent.setPeers')).toHaveLength(1));
  expect(boreas.callsOf('agent.setPeers')).toMatchObject([{ peers: [{ hostId: 'h-atlas' }, cora] }]);
  expect(bench.reported).toMatchObject([{ kind: 'fleet-member-unknown', details: { name: 'cora' } }]);
  boreas.answers['agent.peers'] = () => ok({ peers: [{ ...cora, hostId: 'h-atlas', name: 'atlas' }] });
  bench.link('atlas').goOffline();
  await bench.session.members.remove('h-atlas', { evenIfUnreachable: true, keepHistory: false });
  expect(boreas.callsOf('agent.setPeers').at(-1)).toEqual({ peers: [] });
});
