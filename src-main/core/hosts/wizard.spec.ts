import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ok, type Peer } from '../../../agent/protocol/index.ts';
import type { Login } from '../../contract/index.ts';
import { type Bench, inspection, openBench, problemOf } from '../testing/bench.ts';
import { agentState, hostRecord } from '../testing/fake-link.ts';
import { DRAFT_MS } from './drafts.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const signal = new AbortController().signal;
const password: Login = { method: 'password', password: 'hunter2' };

function login(address = '10.0.0.9', change: { login?: Login | null; reuseSecretOf?: string | null } = {}) {
  const order = {
    address,
    port: 22,
    user: 'root',
    login: password,
    reuseSecretOf: null,
    fingerprint: 'SHA256:new',
  };
  return bench.session.wizard.login({ ...order, ...change }, signal);
}

async function add(name = 'atlas', address = '10.0.0.9', machineId = `machine-${name}`): Promise<string> {
  bench.access.inspection = inspection({ machineId });
  const { draftId } = await login(address);
  const { hostId } = await bench.session.wizard.add({ draftId, name, site: ' Office ', role: 'hypervisor' });
  return hostId;
}

test('the first host: offers of this machine, then logged in, installed and linked', async () => {
  expect(await bench.session.wizard.defaults()).toMatchObject({
    user: 'root',
    port: 22,
    method: 'key',
    keyPath: '/home/ada/.ssh/id_ed25519',
    reuseSecretOf: null,
    aliases: ['nas'],
  });
  const draft = await login();
  expect(draft).toMatchObject({ name: 'atlas', existingAgent: 'none', canAdd: { hypervisor: true } });
  expect(bench.access.opened).toMatchObject([
    { address: '10.0.0.9', fingerprint: 'SHA256:new', login: password },
  ]);
  const { hostId } = await bench.session.wizard.add({
    draftId: draft.draftId,
    name: 'atlas',
    site: '',
    role: 'hypervisor',
  });
  expect(bench.access.deployed).toMatchObject([{ hostId, name: 'atlas', role: 'hypervisor', peers: [] }]);
  expect(bench.deploys).toEqual([{ draftId: draft.draftId, step: 'Send agent.cjs', fraction: 0.5 }]);
  expect(bench.storage.hosts.list()).toMatchObject([
    { id: hostId, name: 'atlas', login: { method: 'password' } },
  ]);
  expect(bench.targets).toMatchObject([{ hostId, login: password, fingerprint: null }]);
  expect(bench.access.closed).toBe(1);
});

test('no secret reaches the database', async () => {
  const hostId = await add();
  expect(JSON.stringify(bench.storage.hosts.list())).not.toContain('hunter2');
  expect(await bench.secrets.get(`host/${hostId}/login`)).toBe('hunter2');
});

test('what was entered for the first host serves the next, without the page seeing the secret', async () => {
  const atlas = await add();
  const defaults = await bench.session.wizard.defaults();
  expect(defaults).toMatchObject({ method: 'password', user: 'root', reuseSecretOf: atlas });
  expect(JSON.stringify(defaults)).not.toContain('hunter2');
  bench.access.inspection = inspection({ machineId: 'machine-boreas' });
  await login('10.0.0.10', { login: null, reuseSecretOf: atlas });
  expect(bench.access.opened[1]).toMatchObject({ address: '10.0.0.10', login: password });
});

test('a secret that is no longer known is asked for', async () => {
  expect(await problemOf(login('10.0.0.9', { login: null, reuseSecretOf: 'h-gone' }))).toMatchObject({
    kind: 'secret-unknown',
    field: 'password',
  });
  expect(bench.access.opened).toEqual([]);
});

test('the second host learns of the first, and the fleet id stays', async () => {
  const atlas = await add();
  await add('boreas', '10.0.0.10');
  const [first, second] = bench.access.deployed;
  expect(second?.peers).toMatchObject([{ hostId: atlas, name: 'atlas', address: '10.0.0.9', port: 7420 }]);
  expect(second?.fleetId).toBe(first?.fleetId);
});

test('members learn of a new host before its agent calls on them, and forget it when that came to nothing', async () => {
  await add();
  const [atlas] = bench.links.values();
  if (!atlas) throw new Error('no link');
  let told: Peer[] = [];
  atlas.answers['agent.peers'] = () => ok({ peers: told });
  atlas.answers['agent.setPeers'] = ({ peers }) => {
    told = peers;
    return ok({});
  };
  atlas.goOnline(agentState());
  let toldAtDeploy: string[] = [];
  bench.access.onDeploy = () => {
    toldAtDeploy = told.map((peer) => peer.name);
  };
  bench.access.deployProblem = { kind: 'host-disk-full', message: 'Full.', next: 'Make space.' };
  await problemOf(add('boreas', '10.0.0.10'));
  expect(toldAtDeploy).toEqual(['boreas']);
  expect(told).toEqual([]);
  expect(bench.reported).toEqual([]);
  bench.access.deployProblem = null;
  await add('boreas', '10.0.0.10');
  expect(told.map((peer) => peer.name)).toEqual(['boreas']);
});

test('the same address, and the same machine under another address, are refused', async () => {
  await add();
  expect(await problemOf(bench.session.wizard.probe(' 10.0.0.9 ', 22, signal))).toMatchObject({
    kind: 'host-already-added',
    field: 'address',
  });
  expect(await problemOf(login())).toMatchObject({ kind: 'host-already-added' });
  const same = await problemOf(login('atlas.example'));
  expect(same).toMatchObject({ kind: 'host-already-added', message: 'This is the same machine as atlas.' });
  expect(bench.access.closed).toBe(2);
});

test('machines whose id is unknown are not taken for one another', async () => {
  await add('atlas', '10.0.0.9', '');
  bench.access.inspection = inspection({ machineId: '' });
  await expect(login('10.0.0.10')).resolves.toMatchObject({ name: 'atlas-2' });
});

test.each([
  ['atlas', 'name-taken'],
  ['  ', 'name-missing'],
])('the name "%s" is refused as %s, before anything is installed', async (name, kind) => {
  await add();
  bench.access.inspection = inspection({ machineId: 'machine-b' });
  const { draftId } = await login('10.0.0.10');
  const order = { draftId, name, site: '', role: 'hypervisor' as const };
  expect(await problemOf(bench.session.wizard.add(order))).toMatchObject({ kind, field: 'name' });
  expect(bench.access.deployed).toHaveLength(1);
});

test('a role a failed check forbids is refused', async () => {
  bench.access.inspection = inspection({ canAdd: { hypervisor: false, witness: true } });
  const { draftId } = await login();
  const order = { draftId, name: 'pi', site: '', role: 'hypervisor' as const };
  expect(await problemOf(bench.session.wizard.add(order))).toMatchObject({
    kind: 'role-impossible',
    field: 'role',
  });
});

test('a failed installation adds nothing, and the draft can be tried again', async () => {
  bench.access.deployProblem = { kind: 'host-disk-full', message: 'Full.', next: 'Make space.' };
  const { draftId } = await login();
  const order = { draftId, name: 'atlas', site: '', role: 'hypervisor' as const };
  expect(await problemOf(bench.session.wizard.add(order))).toMatchObject({ kind: 'host-disk-full' });
  expect(bench.storage.hosts.list()).toEqual([]);
  bench.access.deployProblem = null;
  await bench.session.wizard.add(order);
  expect(bench.storage.hosts.list()).toHaveLength(1);
});

test('a connection that breaks in the middle is opened anew at the next attempt, as confirmed before', async () => {
  bench.access.deployProblem = { kind: 'connection-lost', message: 'Lost.', next: 'Look.' };
  const { draftId } = await login();
  const order = { draftId, name: 'atlas', site: '', role: 'hypervisor' as const };
  expect(await problemOf(bench.session.wizard.add(order))).toMatchObject({ kind: 'connection-lost' });
  bench.access.refuse = { kind: 'unreachable', message: 'Away.', next: 'Look.' };
  expect(await problemOf(bench.session.wizard.add(order))).toMatchObject({ kind: 'unreachable' });
  bench.access.refuse = null;
  bench.access.deployProblem = null;
  await bench.session.wizard.add(order);
  expect(bench.access.opened).toHaveLength(3);
  expect(bench.access.opened[2]).toEqual(bench.access.opened[0]);
  expect(bench.storage.hosts.list()).toHaveLength(1);
});

test('two clicks add once', async () => {
  const { draftId } = await login();
  const order = { draftId, name: 'atlas', site: '', role: 'hypervisor' as const };
  const first = bench.session.wizard.add(order);
  expect(await problemOf(bench.session.wizard.add(order))).toMatchObject({ kind: 'already-adding' });
  await first;
  expect(bench.access.deployed).toHaveLength(1);
});

test('a console without hosts joins the fleet it meets; the host keeps its id and its place', async () => {
  const agent = { hostId: 'h-old', fleetId: 'fleet-old', version: '0.1.0', name: 'titan' };
  bench.access.inspection = inspection({ agent });
  const { draftId, existingAgent, name } = await login();
  expect([existingAgent, name]).toEqual(['same-fleet', 'titan']);
  await bench.session.wizard.add({ draftId, name: 'atlas', site: '', role: 'hypervisor' });
  expect(bench.storage.hosts.list()).toMatchObject([{ id: 'h-old', name: 'atlas' }]);
  expect(bench.access).toMatchObject({ updated: 1, deployed: [] });
  bench.access.inspection = inspection({
    machineId: 'm2',
    agent: { ...agent, hostId: 'h2', fleetId: 'other' },
  });
  const other = await login('10.0.0.10');
  expect(other.existingAgent).toBe('other-fleet');
  const order = { draftId: other.draftId, name: 'b', site: '', role: 'hypervisor' as const };
  expect(await problemOf(bench.session.wizard.add(order))).toMatchObject({ kind: 'other-fleet' });
});

test('a member that was offered and is then added is no longer offered', async () => {
  const agent = { hostId: 'h-old', fleetId: 'fleet-old', version: '0.1.0', name: 'titan' };
  bench.access.inspection = inspection({ agent });
  const { draftId } = await login();
  await bench.session.wizard.add({ draftId, name: 'atlas', site: '', role: 'hypervisor' });
  const [atlas] = bench.links.values();
  if (!atlas) throw new Error('no link');
  const address = { address: '10.0.0.10', port: 7420, replicationPort: 7421 };
  const boreas = { hostId: 'h-b', name: 'boreas', role: 'hypervisor' as const, ...address };
  atlas.answers['agent.peers'] = () => ok({ peers: [boreas] });
  atlas.goOnline(agentState());
  await vi.waitFor(() => expect(bench.reported).toHaveLength(1));
  bench.access.inspection = inspection({ machineId: 'm2', agent: { ...agent, hostId: 'h-b' } });
  const second = await login('10.0.0.10');
  await bench.session.wizard.add({ draftId: second.draftId, name: 'boreas', site: '', role: 'hypervisor' });
  expect(bench.retracted).toEqual([bench.reported[0]?.message]);
});

test('a draft waits ten minutes, then its connection is closed', async () => {
  vi.useFakeTimers();
  try {
    const { draftId } = await login();
    await vi.advanceTimersByTimeAsync(DRAFT_MS + 1);
    expect(bench.access.closed).toBe(1);
    expect(await problemOf(bench.session.wizard.fix(draftId, 'x'))).toMatchObject({ kind: 'draft-gone' });
  } finally {
    vi.useRealTimers();
  }
});

test('a fix looks anew at what was found', async () => {
  bench.access.inspection = inspection({ canAdd: { hypervisor: false, witness: true } });
  const { draftId } = await login();
  bench.access.inspection = inspection();
  expect(await bench.session.wizard.fix(draftId, 'start-libvirt')).toMatchObject({
    draftId,
    canAdd: { hypervisor: true },
  });
});

test('hosts kept from before come with their order and defaults', async () => {
  await bench.close();
  bench = await openBench([
    hostRecord('atlas'),
    hostRecord('boreas', { addedAt: 2, user: 'ada', port: 2222 }),
  ]);
  expect(await bench.session.wizard.defaults()).toMatchObject({
    user: 'ada',
    port: 2222,
    reuseSecretOf: 'h-boreas',
  });
});
