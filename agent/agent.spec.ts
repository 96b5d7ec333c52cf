import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Agent, createAgent } from './agent.ts';
import { createNoGuard } from './guard/no-guard.ts';
import { createSimulatedGuard } from './guard/simulated-guard.ts';
import { NoHypervisor } from './hypervisor/none.ts';
import { SimulatedHost } from './hypervisor/simulated/host.ts';
import { createSimulatedHypervisor } from './hypervisor/simulated/simulated.ts';
import { guestDraft, MAIL } from './hypervisor/simulated/spec-world.ts';
import { SimulatedWorld } from './hypervisor/simulated/world.ts';
import type { Clock, Log } from './ports.ts';
import {
  type AgentState,
  type ConsoleApi,
  consoleApi,
  consoleNotices,
  type HostFacts,
  MAX_MESSAGE_BYTES,
  type Peer,
  PROTOCOL_VERSION,
  type Result,
  TELLING_DEFAULTS,
} from './protocol/index.ts';
import { Pace } from './replication/pace.ts';
import { createSimulatedSource } from './replication/simulated/source.ts';
import { createSimulatedTarget } from './replication/simulated/target.ts';
import { encodeFrame, FrameDecoder } from './rpc/frames.ts';
import { type Link, type NoticeMessage, openLink } from './rpc/index.ts';
import { systemClock } from './system-clock.ts';
import { makeFleetCa, type TestCa } from './testing/fleet-ca.ts';

const FLEET = 'fleet-1';
const ORDER = { actor: 'spec' };
/** Twenty seconds of the hosts' time in one of ours. */
const quick: Clock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 20) };

type Console = Link<ConsoleApi, Record<never, never>>;
type Notice = NoticeMessage<typeof consoleNotices>;

let folder: string;
let world: SimulatedWorld;
let ca: TestCa;
const agents: Agent[] = [];
const warnings: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-agent-'));
  world = new SimulatedWorld({ clock: quick, pace: { bootMs: 500, copyBps: 4e10 } });
  ca = await makeFleetCa(FLEET);
  warnings.length = 0;
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  await rm(folder, { recursive: true, force: true });
});

function factsOf(host: SimulatedHost): HostFacts {
  const hypervisor = { kind: 'simulated', version: '1', reachable: true } as const;
  const box = { os: 'Debian', kernel: '6', arch: 'x64', cpuModel: 'sim', cpuCount: 4, memoryBytes: 1e10 };
  return { ...box, hostname: host.name, bootId: host.bootId, hypervisor, addresses: ['127.0.0.1'] };
}

async function agentOn(host: SimulatedHost, options: { witness?: boolean } = {}): Promise<Agent> {
  const log: Log = (level, text) => {
    if (level === 'warn') warnings.push(`${host.name}: ${text}`);
  };
  const pace = new Pace({ stateDir: join(folder, host.name), clock: quick, log });
  const agent = createAgent({
    stateDir: join(folder, host.name),
    version: '0.0.1',
    clock: quick,
    log,
    ...(options.witness ? {} : { pace }),
    hypervisor: options.witness ? new NoHypervisor() : createSimulatedHypervisor(host),
    source: createSimulatedSource(host, pace),
    target: createSimulatedTarget(host),
    guard: options.witness ? createNoGuard() : createSimulatedGuard(host),
    facts: async () => factsOf(host),
    load: async () => ({ cpu: 0.1, memoryUsedBytes: 1, memoryBytes: 2, at: Date.now() }),
    peerListen: { host: '127.0.0.1', port: 0 },
    role: options.witness ? 'witness' : 'hypervisor',
  });
  agents.push(agent);
  await agent.start();
  return agent;
}

function attach(agent: Agent): { console: Console; notices: Notice[]; ended: Promise<string> } {
  const [near, far] = duplexPair();
  const notices: Notice[] = [];
  let end: (text: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const console = openLink({
    stream: near,
    calls: consoleApi,
    noticesIn: consoleNotices,
    onNotice: (notice) => notices.push(notice),
    onClose: ({ text }) => end(text),
  });
  agent.attachConsole(far);
  return { console, notices, ended };
}

async function greeted(agent: Agent) {
  const attached = attach(agent);
  must(await attached.console.call('agent.hello', { protocol: PROTOCOL_VERSION, consoleVersion: '1' }));
  return attached;
}

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.kind}: ${result.problem.message}`);
  return result.value;
}

async function enrol(agent: Agent, hostId: string, fleetId = FLEET): Promise<Result<unknown>> {
  const { console } = await greeted(agent);
  const request = await console.call('agent.certificateRequest', { hostId, fleetId });
  if (!request.ok) return request;
  const identity = {
    hostId,
    fleetId,
    name: hostId,
    role: 'hypervisor',
    trustedCas: [ca.certificate],
  } as const;
  const certificate = await ca.issue(request.value.csr, { hostId, fleetId });
  return console.call('agent.enrol', { ...identity, certificate, trustedCas: [ca.certificate], peers: [] });
}

/** Both enrolled and told of each other, as the console does it. */
async function fleet() {
  const hosts = [
    new SimulatedHost(world, { name: 'atlas', guests: [guestDraft()] }),
    new SimulatedHost(world, { name: 'boreas' }),
  ];
  const members = await Promise.all(hosts.map(async (host) => ({ host, agent: await agentOn(host) })));
  for (const { host, agent } of members) must(await enrol(agent, host.name));
  const peers: Peer[] = members.map(({ host, agent }) => ({
    hostId: host.name,
    name: host.name,
    address: '127.0.0.1',
    port: agent.peerPort,
    replicationPort: host.replicationPort,
    role: 'hypervisor',
  }));
  const consoles = await Promise.all(members.map(({ agent }) => greeted(agent)));
  for (const { console } of consoles) must(await console.call('agent.setPeers', { peers }));
  const [atlas, boreas] = consoles;
  if (atlas === undefined || boreas === undefined) throw new Error('two hosts, two consoles');
  await until(async () => (await sightsOf(atlas.console)).length === 1);
  await until(async () => (await sightsOf(boreas.console)).length === 1);
  return { atlas, boreas, members };
}

const sightsOf = async (console: Console) =>
  must(await console.call('sight.list', {})).sights.filter((sight) => sight.reachable);

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('two agents, enrolled by a console, protect a machine over their own wire', async () => {
  const { atlas, boreas } = await fleet();
  const state: AgentState = must(await atlas.console.call('state.subscribe', {}));
  expect(state.vms.map((vm) => vm.name)).toEqual(['mail']);
  must(await boreas.console.call('state.subscribe', {}));
  const protect = { ...ORDER, requestId: 'r-1', pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' };
  const { task } = must(await atlas.console.call('protect.start', protect));
  expect(must(await atlas.console.call('protect.start', protect)).task.id).toBe(task.id);
  await until(() => atlas.notices.some((notice) => notice.name === 'task' && notice.value.state === 'done'));
  const inSync = (notice: Notice) => notice.name === 'pair' && notice.value.pair?.mirror?.state === 'in-sync';
  await until(() => atlas.notices.some(inSync));
  await until(() => boreas.notices.some((notice) => notice.name === 'pair'));
  const { entries } = must(await atlas.console.call('audit.list', { afterSeq: 0, limit: 100 }));
  expect(entries.map((entry) => entry.event)).toContain('enrolled');
  const retire = must(await atlas.console.call('agent.retire', { ...ORDER, requestId: 'r-2' }));
  expect(retire.blockedBy).toEqual(['pair-mail']);
  // Whoever is told of the other first knocks too early once.
  expect(warnings.filter((line) => !line.includes('no member here'))).toEqual([]);
});

test('two consoles at once: each sees what the other orders and by whom, and it is done once', async () => {
  const { atlas, members } = await fleet();
  const [first] = members;
  if (first === undefined) throw new Error('two members');
  const other = await greeted(first.agent);
  for (const { console } of [atlas, other]) must(await console.call('state.subscribe', {}));
  const order = { pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' };
  const given = await Promise.all([
    atlas.console.call('protect.start', { ...order, requestId: 'by-ada', actor: 'ada' }),
    other.console.call('protect.start', { ...order, requestId: 'by-ben', actor: 'ben' }),
  ]);
  expect(given.filter((answer) => answer.ok)).toHaveLength(1);
  const by = given[0]?.ok ? 'ada' : 'ben';
  const done = (notice: Notice) => notice.name === 'task' && notice.value.state === 'done';
  for (const { notices } of [atlas, other]) {
    await until(() => notices.some(done));
    expect(notices.find(done)?.value).toMatchObject({ kind: 'protect', by });
  }
  const label = { requestId: 'r-2', actor: 'ben', name: 'titan', site: 'Cellar' };
  must(await other.console.call('agent.label', label));
  await until(() => atlas.notices.some(({ name }) => name === 'label'));
  const hello = must(
    await atlas.console.call('agent.hello', { protocol: PROTOCOL_VERSION, consoleVersion: '1' }),
  );
  expect(hello).toMatchObject({ hostId: 'atlas', name: 'titan', site: 'Cellar' });
});

test('a second authority is believed without a link being broken, and its hosts are let in', async () => {
  const { atlas, boreas } = await fleet();
  const second = await makeFleetCa(FLEET, 'Second CA');
  must(await atlas.console.call('state.subscribe', {}));
  for (const { console } of [atlas, boreas]) {
    const trust = must(await console.call('agent.trust', { add: [second.certificate], actor: 'ben' }));
    expect(trust.trustedCas).toEqual([ca.certificate, second.certificate]);
  }
  const unseen = (notice: Notice) =>
    notice.name === 'sights' && notice.value.some(({ reachable }) => !reachable);
  // Whoever comes with a certificate of the second authority only is known to both.
  const agent = await agentOn(new SimulatedHost(world, { name: 'cetus' }));
  const { console } = await greeted(agent);
  const { csr } = must(await console.call('agent.certificateRequest', { hostId: 'cetus', fleetId: FLEET }));
  const certificate = await second.issue(csr, { hostId: 'cetus', fleetId: FLEET });
  const { peers } = must(await boreas.console.call('agent.peers', {}));
  must(
    await console.call('agent.enrol', {
      hostId: 'cetus',
      fleetId: FLEET,
      name: 'cetus',
      role: 'hypervisor',
      certificate,
      trustedCas: [second.certificate, ca.certificate],
      peers,
    }),
  );
  const cetus: Peer = {
    hostId: 'cetus',
    name: 'cetus',
    address: '127.0.0.1',
    port: agent.peerPort,
    replicationPort: 1,
    role: 'hypervisor',
  };
  const known = must(await atlas.console.call('agent.peers', {})).peers;
  must(await atlas.console.call('agent.setPeers', { peers: [...known, cetus] }));
  await until(async () => (await sightsOf(atlas.console)).length === 2);
  await until(async () => (await sightsOf(console)).length === 1);
  expect(atlas.notices.filter(unseen)).toEqual([]);
  const { entries } = must(await atlas.console.call('audit.list', { afterSeq: 0, limit: 100 }));
  expect(entries).toContainEqual(expect.objectContaining({ event: 'authority-trusted', actor: 'ben' }));
});

test('a host with protected machines cannot be taken into another fleet; one without can', async () => {
  const { atlas, members } = await fleet();
  const [first, second] = members;
  if (first === undefined || second === undefined) throw new Error('two members');
  const protect = { ...ORDER, requestId: 'r-1', pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' };
  must(await atlas.console.call('protect.start', protect));
  await until(async () => must(await atlas.console.call('state.subscribe', {})).pairs.length === 1);
  expect(await enrol(first.agent, 'atlas', 'fleet-2')).toMatchObject({
    problem: { kind: 'enrolled-elsewhere' },
  });

  const lone = new SimulatedHost(world, { name: 'cetus' });
  const agent = await agentOn(lone);
  must(await enrol(agent, 'cetus', 'fleet-2'));
  must(await enrol(agent, 'cetus'));
  const { console } = attach(agent);
  const hello = must(await console.call('agent.hello', { protocol: PROTOCOL_VERSION, consoleVersion: '1' }));
  expect(hello).toMatchObject({ hostId: 'cetus', fleetId: FLEET });
});

test('whom the fleet tells reaches every agent over their own wire, and another fleet does not get it', async () => {
  const { atlas, boreas, members } = await fleet();
  const hook = { url: 'http://127.0.0.1:9/', header: '' };
  const settings = { ...TELLING_DEFAULTS, hook };
  const order = { ...ORDER, requestId: 'r-1', base: null, settings, secrets: { signingKey: 'key-1' } };
  const { revision } = must(await atlas.console.call('telling.set', order));
  await until(async () => must(await boreas.console.call('telling.get', {})).revision !== null);
  const told = must(await boreas.console.call('telling.get', {}));
  expect(told).toMatchObject({ revision, settings, has: { signingKey: true } });
  const { facts } = must(await boreas.console.call('state.subscribe', {}));
  await until(() => facts.telling !== undefined || boreas.notices.some(({ name }) => name === 'facts'));
  const [, second] = members;
  if (second === undefined) throw new Error('two members');
  must(await enrol(second.agent, 'boreas', 'fleet-2'));
  const elsewhere = must(await (await greeted(second.agent)).console.call('telling.get', {}));
  expect(elsewhere).toMatchObject({ revision: null, has: { signingKey: false } });
});

test('an agent that starts anew is still a member, and hears the others again', async () => {
  const { atlas, members } = await fleet();
  const [, boreas] = members;
  if (boreas === undefined) throw new Error('two members');
  must(await atlas.console.call('state.subscribe', {}));
  const { peerPort } = boreas.agent;
  await boreas.agent.stop();
  const seen = (reachable: boolean) => (notice: Notice) =>
    notice.name === 'sights' && notice.value.some((sight) => sight.reachable === reachable);
  await until(() => atlas.notices.some(seen(false)));
  await boreas.agent.start();
  const hello = { protocol: PROTOCOL_VERSION, consoleVersion: '1' };
  const again = attach(boreas.agent);
  expect(must(await again.console.call('agent.hello', hello)).hostId).toBe('boreas');
  expect(peerPort).not.toBe(0);
  await until(async () => (await sightsOf(again.console)).length === 1);
});

test('version rules: nothing but the greeting before it succeeded', async () => {
  const agent = await agentOn(new SimulatedHost(world, { name: 'atlas' }));
  const { console } = attach(agent);
  const greet = (protocol: number) => console.call('agent.hello', { protocol, consoleVersion: '1' });
  expect(await console.call('state.subscribe', {})).toMatchObject({ problem: { kind: 'not-greeted' } });
  const newer = await greet(PROTOCOL_VERSION + 1);
  expect(newer).toMatchObject({ problem: { kind: 'agent-too-old', details: { version: '0.0.1' } } });
  expect(await greet(PROTOCOL_VERSION - 1)).toMatchObject({ problem: { kind: 'console-too-old' } });
  expect(await console.call('sight.list', {})).toMatchObject({ problem: { kind: 'not-greeted' } });
  expect(await greet(PROTOCOL_VERSION)).toMatchObject({ ok: true });
  expect(await console.call('state.subscribe', {})).toMatchObject({ ok: true });
});

test('the snapshot leaves before the first notice, or it would overwrite what is newer', async () => {
  const host = new SimulatedHost(world, { name: 'atlas', guests: [guestDraft()] });
  const agent = await agentOn(host);
  const [near, far] = duplexPair();
  agent.attachConsole(far);
  const decoder = new FrameDecoder(MAX_MESSAGE_BYTES);
  const order: string[] = [];
  near.on('data', (chunk: Buffer) => {
    for (const body of decoder.push(chunk)) {
      const message = JSON.parse(String(body)) as { id?: number; method?: string };
      order.push(message.method ?? `answer ${message.id}`);
    }
  });
  const hello = { protocol: PROTOCOL_VERSION, consoleVersion: '1' };
  const send = (id: number, method: string, params: object) =>
    near.write(encodeFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params }))));
  send(1, 'agent.hello', hello);
  send(2, 'state.subscribe', {});
  // The first watcher has a sample taken, which is told at once.
  await until(() => order.includes('load'));
  expect(order.slice(0, 2)).toEqual(['answer 1', 'answer 2']);
});

test('a garbled console is hung up on; another one notices nothing and goes on hearing', async () => {
  const host = new SimulatedHost(world, { name: 'atlas', guests: [guestDraft()] });
  const agent = await agentOn(host);
  const good = await greeted(agent);
  must(await good.console.call('state.subscribe', {}));
  const [near, far] = duplexPair();
  const closed = new Promise((resolve) => near.once('end', resolve));
  near.resume();
  agent.attachConsole(far);
  near.write('Content-Length: 99999999\r\n\r\n');
  await closed;
  good.notices.length = 0;
  await until(() => good.notices.some((notice) => notice.name === 'load'));
  expect(warnings.join()).toContain('console detached');
});

test('a witness greets, lists no machines, and refuses orders about any', async () => {
  const agent = await agentOn(new SimulatedHost(world, { name: 'pi' }), { witness: true });
  must(await enrol(agent, 'pi'));
  const { console } = await greeted(agent);
  expect(must(await console.call('state.subscribe', {})).vms).toEqual([]);
  const check = await console.call('protect.check', { vmUuid: MAIL, standby: 'atlas' });
  expect(check).toMatchObject({ ok: false });
});

test('limits the copies of its host, tells so, and refuses what cannot be', async () => {
  const host = new SimulatedHost(world, { name: 'atlas' });
  const { console, notices } = await greeted(await agentOn(host));
  expect(must(await console.call('state.subscribe', {})).facts.copyLimit).toEqual({
    setting: { mibPerS: null, hours: null },
    nowMibPerS: null,
  });
  const order = { requestId: 'r1', actor: 'ada' };
  const limit = { mibPerS: 20, hours: null };
  expect(await console.call('host.limits', { ...order, limit })).toMatchObject({ ok: true });
  await expect
    .poll(() => notices.findLast(({ name }) => name === 'facts')?.value)
    .toMatchObject({ copyLimit: { setting: limit, nowMibPerS: 20 } });
  const history = must(await console.call('audit.list', { afterSeq: 0, limit: 100 })).entries;
  expect(history.find(({ event }) => event === 'limits-set')?.text).toBe(
    'ada limits the copies of this host: 20 MiB/s.',
  );
  const wrong = await console.call('host.limits', { ...order, limit: { mibPerS: 0, hours: null } });
  expect(wrong).toMatchObject({ ok: false, problem: { kind: 'rate-out-of-range', field: 'mibPerS' } });
});

test('a witness has nothing to limit', async () => {
  const witness = await agentOn(new SimulatedHost(world, { name: 'cora' }), { witness: true });
  const { console } = await greeted(witness);
  const order = { requestId: 'r1', actor: 'ada', limit: { mibPerS: 1, hours: null } };
  expect(await console.call('host.limits', order)).toMatchObject({
    ok: false,
    problem: { kind: 'nothing-copied' },
  });
});
