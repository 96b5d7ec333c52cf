import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { createSimulatedStage } from '../../drill/simulated.ts';
import { createSimulatedGuard } from '../../guard/simulated-guard.ts';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import { type HostSpec, SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { createSimulatedHypervisor } from '../../hypervisor/simulated/simulated.ts';
import { SimulatedWorld } from '../../hypervisor/simulated/world.ts';
import { openAuditLog } from '../../journal/audit.ts';
import type { Envelope } from '../../lease/messages.ts';
import { createPairs } from '../../pairs/pairs.ts';
import type { PairsService } from '../../pairs/service.ts';
import type { Peers } from '../../peers/peers.ts';
import type { Clock } from '../../ports.ts';
import {
  type ConsoleApi,
  fail,
  ok,
  type PairStatus,
  type ParamsOf,
  type Peer,
  problemOf,
  type Sight,
  type Task,
} from '../../protocol/index.ts';
import type { ReplicaSource } from '../replication.ts';
import { createSimulatedCoordinated } from './coordinated.ts';
import { createSimulatedSource } from './source.ts';
import { createSimulatedTarget } from './target.ts';

/** Simulated seconds in one real second. */
const SPEED = 20;
/** The most of real time, ms, that passes between two looks at the clock. */
const MOST_MS = 8;
/** In memory where there is such a place: a slow disk would count as 20 times as slow. */
const FOLDERS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

type Ordered = Exclude<
  keyof PairsService['consoleHandlers'],
  | 'protect.check'
  | 'protect.fix'
  | 'task.cancel'
  | 'pair.settings'
  | 'pair.witness'
  | 'pair.drillSettings'
  | 'pair.verifySettings'
  | 'pair.objectives'
  | 'pair.riskHistory'
  | 'pair.lookAgain'
  | 'pair.trustCopy'
  | 'pair.checkStandby'
  | 'guard.letGo'
>;

/** Without a witness: a person decides. */
export const UNARMED = {
  witness: null,
  policy: 'manual',
  profile: 'balanced',
  drill: 'waived',
  replication: { kind: 'sync' },
  point: null,
} as const;

/** Hosts with the agents' pairs service on them, joined by calls in memory where the simulated network lets them. */
export class Rig {
  readonly world: SimulatedWorld;
  readonly boxes = new Map<string, Box>();
  readonly warnings: string[] = [];
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.world = new SimulatedWorld({
      clock: fastClock(),
      pace: { bootMs: 2_000, copyBps: 4e9 },
      onViolation: () => undefined,
    });
  }

  static async open(specs: HostSpec[]): Promise<Rig> {
    const rig = new Rig(await mkdtemp(join(FOLDERS, 'understudy-rig-')));
    for (const spec of specs) rig.boxes.set(spec.name, new Box(rig, new SimulatedHost(rig.world, spec)));
    for (const box of rig.boxes.values()) await box.startAgent();
    return rig;
  }

  box(name: string): Box {
    const box = this.boxes.get(name);
    if (!box) throw new Error(`no box named ${name}`);
    return box;
  }

  async close(): Promise<void> {
    for (const box of this.boxes.values()) await box.stopAgent();
    await rm(this.folder, { recursive: true });
  }
}

/** One host with its agent. Host ids are the names. */
export class Box {
  readonly host: SimulatedHost;
  private readonly rig: Rig;
  private pairs: PairsService | null = null;
  /** Its agent's; null while there is none. */
  hypervisor: Hypervisor | null = null;
  private source: ReplicaSource | null = null;
  private readonly sightListeners = new Set<(sight: Sight) => void>();
  readonly envelopeListeners = new Set<(envelope: Envelope) => void>();
  private readonly seen = new Map<string, Sight>();
  takeStream: ((from: string, topic: string, stream: Duplex) => void) | null = null;

  constructor(rig: Rig, host: SimulatedHost) {
    this.rig = rig;
    this.host = host;
    rig.world.onChange(() => this.lookAround());
  }

  get service(): PairsService {
    if (!this.pairs) throw new Error(`no agent runs on ${this.host.name}`);
    return this.pairs;
  }

  get running(): boolean {
    return this.pairs !== null && this.host.powered;
  }

  pair(): PairStatus | undefined {
    return this.service.list()[0];
  }

  async startAgent(): Promise<void> {
    const { host, rig } = this;
    const stateDir = join(rig.folder, host.name);
    await mkdir(stateDir, { recursive: true });
    const clock = { ...rig.world.clock, bootMs: () => host.bootMs() };
    const hypervisor = createSimulatedHypervisor(host);
    this.hypervisor = hypervisor;
    const source = createSimulatedSource(host);
    this.source = source;
    const target = createSimulatedTarget(host);
    const guard = createSimulatedGuard(host);
    this.pairs = createPairs({
      stateDir,
      selfHostId: () => host.name,
      selfName: () => host.name,
      bootId: host.bootId,
      clock,
      log: (level, text) => {
        if (level === 'warn') rig.warnings.push(`${host.name}: ${text}`);
      },
      audit: await openAuditLog(join(stateDir, 'audit.log'), clock),
      hypervisor,
      source,
      target,
      guard,
      stage: createSimulatedStage(host),
      coordinated: createSimulatedCoordinated(host),
      peers: this.peers(),
    });
    await guard.start();
    await hypervisor.start();
    await source.start();
    await target.start();
    this.seen.clear();
    this.lookAround();
    await this.pairs.start();
    for (const box of rig.boxes.values()) box.lookAround();
  }

  stopAgent(): Promise<void> {
    return this.endAgent(true);
  }

  /** As by kill -9: nobody is asked for anything first, and nothing more is written. */
  killAgent(): Promise<void> {
    return this.endAgent(false);
  }

  private async endAgent(inOrder: boolean): Promise<void> {
    // What a killed agent was at in a guest stays as it was.
    if (!inOrder) await this.source?.stop();
    await this.pairs?.stop(inOrder);
    await this.hypervisor?.stop();
    await this.source?.stop();
    this.pairs = null;
    for (const box of this.rig.boxes.values()) box.lookAround();
  }

  async powerOff(): Promise<void> {
    this.host.powerOff();
    await this.stopAgent();
  }

  async powerOn(): Promise<void> {
    this.host.powerOn();
    await this.startAgent();
  }

  /** Gives an order as a console does, and waits for its end. */
  async order<M extends Ordered>(
    method: M,
    params: Omit<ParamsOf<ConsoleApi, M>, 'requestId' | 'actor'>,
  ): Promise<Task> {
    const handler = this.service.consoleHandlers[method] as (
      params: unknown,
      signal: AbortSignal,
    ) => Promise<{ task: Task }>;
    const order = { ...UNARMED, ...params, requestId: randomUUID(), actor: 'spec' };
    const { task } = await handler(order, new AbortController().signal);
    return this.ended(task.id);
  }

  /** The task once it has ended, whatever becomes of the agent meanwhile. */
  async ended(taskId: string): Promise<Task> {
    const now = (): Task | undefined => this.pairs?.tasks().find((each) => each.id === taskId);
    await until(() => (now()?.state ?? 'running') !== 'running');
    const task = now();
    if (!task) throw new Error(`no task ${taskId}`);
    return task;
  }

  /** Any other call of a console. */
  async consoleCall<
    M extends
      | 'pair.settings'
      | 'pair.witness'
      | 'pair.drillSettings'
      | 'pair.verifySettings'
      | 'pair.objectives'
      | 'pair.trustCopy'
      | 'task.cancel'
      | 'guard.letGo',
  >(method: M, params: Omit<ParamsOf<ConsoleApi, M>, 'requestId' | 'actor'>): Promise<void> {
    const handler = this.service.consoleHandlers[method] as (
      params: unknown,
      signal: AbortSignal,
    ) => Promise<unknown>;
    await handler({ ...params, requestId: randomUUID(), actor: 'spec' }, new AbortController().signal);
  }

  private peers(): Peers {
    return {
      to: (hostId) => ({
        call: async (method, params) => {
          const other = this.rig.box(hostId);
          const here = this.host.bootId;
          const problem = { kind: 'peer-unreachable', message: `${hostId} is silent.`, next: 'Wait.' };
          const answers = (): boolean => this.host.bootId === here && this.sees(other);
          if (!answers()) return fail(problem);
          try {
            const handlers = other.service.peerHandlers as unknown as Record<
              string,
              (params: unknown, signal: AbortSignal) => Promise<never>
            >;
            const handler = handlers[method];
            if (!handler) throw new Error(`no handler of ${method}`);
            const value = await handler(structuredClone(params), new AbortController().signal);
            return answers() ? ok(structuredClone(value)) : fail(problem);
          } catch (error) {
            return answers() ? fail(problemOf(error)) : fail(problem);
          }
        },
      }),
      get: (hostId) => this.peer(hostId),
      sights: () => [...this.seen.values()],
      sight: (hostId) => this.seen.get(hostId) ?? null,
      send: (envelope) => {
        const other = this.rig.boxes.get(envelope.to);
        if (!other || !this.sees(other)) return;
        setImmediate(() => {
          if (!this.sees(other)) return;
          for (const listener of [...other.envelopeListeners]) listener(structuredClone(envelope));
        });
      },
      onEnvelope: (listener) => {
        this.envelopeListeners.add(listener);
        return () => this.envelopeListeners.delete(listener);
      },
      onSight: (listener) => {
        this.sightListeners.add(listener);
        return () => this.sightListeners.delete(listener);
      },
      openStream: async (hostId, topic) => {
        const other = this.rig.box(hostId);
        if (!this.sees(other) || !other.takeStream)
          return fail({ kind: 'peer-unreachable', message: `${hostId} is silent.`, next: 'Wait.' });
        const [near, far] = duplexPair();
        // A cut or a loss of power breaks it, as it breaks a connection.
        const unwatch = this.rig.world.onChange(() => {
          if (!this.sees(other)) near.destroy();
        });
        near.once('close', () => {
          unwatch();
          if (!far.readableEnded) far.destroy();
        });
        far.once('close', () => near.destroy());
        other.takeStream(this.host.name, topic, far);
        return ok(near);
      },
      onStream: (listener) => {
        this.takeStream = listener;
      },
    };
  }

  private peer(hostId: string): Peer {
    const { replicationPort } = this.rig.box(hostId).host;
    return { hostId, name: hostId, address: hostId, port: 0, replicationPort, role: 'hypervisor' };
  }

  private sees(other: Box): boolean {
    return this.running && other.running && this.rig.world.linked(this.host, other.host);
  }

  private lookAround(): void {
    if (!this.running) return;
    for (const other of this.rig.boxes.values()) {
      if (other === this) continue;
      const reachable = this.sees(other);
      if (this.seen.get(other.host.name)?.reachable === reachable) continue;
      const since = this.rig.world.clock.now();
      const sight = { hostId: other.host.name, name: other.host.name, reachable, since, lastHeardAt: since };
      this.seen.set(other.host.name, sight);
      for (const listener of [...this.sightListeners]) listener(sight);
    }
  }
}

/** Looks until `state` holds; the test's own limit ends it otherwise. */
export async function until(state: () => boolean): Promise<void> {
  while (!state()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/**
 * Passes only while this process gets to run: one that was kept from it for longer than `MOST_MS` has not lost the time.
 * Otherwise a busy machine would make every limit of the code under test pass in one moment.
 */
function fastClock(): Clock {
  const started = Date.now();
  let passed = 0;
  let seen = performance.now();
  const look = (): number => {
    const now = performance.now();
    passed += Math.min(now - seen, MOST_MS) * SPEED;
    seen = now;
    return passed;
  };
  setInterval(look, 2).unref();
  return {
    now: () => started + look(),
    bootMs: look,
    setTimeout(run, ms) {
      const due = look() + ms;
      let timer: NodeJS.Timeout;
      const wait = (): void => {
        const left = due - look();
        if (left <= 0) run();
        else timer = setTimeout(wait, left / SPEED);
      };
      timer = setTimeout(wait, ms / SPEED);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
