/** Agents on simulated hosts that hear each other over their own wire, and consoles attached to them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { afterEach, beforeEach } from 'vitest';
import { type Agent, createAgent } from './agent.ts';
import { createNoGuard } from './guard/no-guard.ts';
import { createSimulatedGuard } from './guard/simulated-guard.ts';
import { NoHypervisor } from './hypervisor/none.ts';
import { SimulatedHost } from './hypervisor/simulated/host.ts';
import { createSimulatedHypervisor } from './hypervisor/simulated/simulated.ts';
import { guestDraft } from './hypervisor/simulated/spec-world.ts';
import { SimulatedWorld } from './hypervisor/simulated/world.ts';
import type { Clock, Log } from './ports.ts';
import {
  type ConsoleApi,
  consoleApi,
  consoleNotices,
  type HostFacts,
  type Peer,
  PROTOCOL_VERSION,
  type Result,
} from './protocol/index.ts';
import { Pace } from './replication/pace.ts';
import { createSimulatedSource } from './replication/simulated/source.ts';
import { createSimulatedTarget } from './replication/simulated/target.ts';
import { type Link, type NoticeMessage, openLink } from './rpc/index.ts';
import { systemClock } from './system-clock.ts';
import { makeFleetCa, type TestCa } from './testing/fleet-ca.ts';

export const FLEET = 'fleet-1';
export const ORDER = { actor: 'spec' };
/** Twenty seconds of the hosts' time in one of ours. */
export const quick: Clock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 20) };

export type Console = Link<ConsoleApi, Record<never, never>>;
export type Notice = NoticeMessage<typeof consoleNotices>;

let folder: string;
export let world: SimulatedWorld;
export let ca: TestCa;
const agents: Agent[] = [];
export const warnings: string[] = [];

/** Before each: nobody there. After each: all agents ended, their files gone. Call it once in a spec file. */
export function withAgents(): void {
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
}

function factsOf(host: SimulatedHost): HostFacts {
  const hypervisor = { kind: 'simulated', version: '1', reachable: true } as const;
  const box = { os: 'Debian', kernel: '6', arch: 'x64', cpuModel: 'sim', cpuCount: 4, memoryBytes: 1e10 };
  return { ...box, hostname: host.name, bootId: host.bootId, hypervisor, addresses: ['127.0.0.1'] };
}

export async function agentOn(host: SimulatedHost, options: { witness?: boolean } = {}): Promise<Agent> {
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

export function attach(agent: Agent): { console: Console; notices: Notice[]; ended: Promise<string> } {
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

export async function greeted(agent: Agent) {
  const attached = attach(agent);
  must(await attached.console.call('agent.hello', { protocol: PROTOCOL_VERSION, consoleVersion: '1' }));
  return attached;
}

export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.kind}: ${result.problem.message}`);
  return result.value;
}

export async function enrol(agent: Agent, hostId: string, fleetId = FLEET): Promise<Result<unknown>> {
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
export async function fleet() {
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

export const sightsOf = async (console: Console) =>
  must(await console.call('sight.list', {})).sights.filter((sight) => sight.reachable);

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
