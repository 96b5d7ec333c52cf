import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Agent, createAgent } from '../../../agent/agent.ts';
import { createSimulatedStage } from '../../../agent/drill/simulated.ts';
import { createSimulatedGuard } from '../../../agent/guard/simulated-guard.ts';
import { SimulatedHost } from '../../../agent/hypervisor/simulated/host.ts';
import { createSimulatedHypervisor } from '../../../agent/hypervisor/simulated/simulated.ts';
import { hostFacts, hostLoad } from '../../../agent/hypervisor/simulated/view.ts';
import type { SimulatedWorld } from '../../../agent/hypervisor/simulated/world.ts';
import type { Log } from '../../../agent/ports.ts';
import { Pace } from '../../../agent/replication/pace.ts';
import { createSimulatedCoordinated } from '../../../agent/replication/simulated/coordinated.ts';
import { createSimulatedSource } from '../../../agent/replication/simulated/source.ts';
import { createSimulatedTarget } from '../../../agent/replication/simulated/target.ts';
import { simulatedTransports } from '../../../agent/telling/simulated-transports.ts';
import { SOCKET } from '../deploy/places.ts';
import { generateOpensshKey } from '../ssh/openssh-key.ts';
import type { PlannedHost } from './fleet-plan.ts';
import { answerScript, type HostOfCommands } from './host-commands.ts';
import { MemoryFiles } from './memory-files.ts';
import { PracticeSshServer } from './ssh-server.ts';

const ADDRESS = '127.0.0.1';
const USER = 'root';

export interface PracticeHostOptions {
  world: SimulatedWorld;
  plan: PlannedHost;
  /** Folder for the agent's durable state; outlives the simulated power. */
  stateDir: string;
  /** From switching on until SSH and agent answer, ms. */
  bootDelayMs: number;
  log: Log;
}

/** What a person would know of a host before adding it. */
export interface PracticeAccess {
  name: string;
  site: string;
  address: string;
  port: number;
  user: string;
  password: string;
}

/** One practice host: a simulated machine, a real SSH server on loopback, and the product's own agent on it. */
export class PracticeHost implements HostOfCommands {
  readonly simulated: SimulatedHost;
  readonly site: string;
  readonly files = new MemoryFiles();
  readonly machineId: string;
  readonly address = ADDRESS;
  readonly user = USER;
  peerPort = 0;
  agentEnabled = false;
  private readonly options: PracticeHostOptions;
  private readonly password = randomBytes(9).toString('base64url');
  private readonly ssh: PracticeSshServer;
  private agent: Agent | null = null;
  private agentVersion = '';
  private starting: Promise<void> = Promise.resolve();
  private booting: { cancel(): void } | null = null;
  /** Power changes one after the other: a quick off and on must not overlap. */
  private switching: Promise<void> = Promise.resolve();

  private constructor(options: PracticeHostOptions) {
    this.options = options;
    this.site = options.plan.site;
    this.simulated = new SimulatedHost(options.world, options.plan);
    this.machineId = createHash('md5').update(options.stateDir).digest('hex');
    this.ssh = new PracticeSshServer({
      hostKey: generateOpensshKey().private,
      user: USER,
      password: this.password,
      files: this.files,
      run: (script) => answerScript(this, script),
      connect: (path) => this.socket(path),
    });
  }

  static async open(options: PracticeHostOptions): Promise<PracticeHost> {
    const host = new PracticeHost(options);
    host.peerPort = await freePort();
    await host.ssh.start();
    return host;
  }

  get name(): string {
    return this.options.plan.name;
  }

  get access(): PracticeAccess {
    const { name, site, address, user, password } = this;
    return { name, site, address, port: this.ssh.port, user, password };
  }

  get stateDir(): string {
    return this.options.stateDir;
  }

  /** Pulls the plug, or switches on; on: resolves when the host answers again. */
  power(on: boolean): Promise<void> {
    this.booting?.cancel();
    const change = this.switching.then(() => (on ? this.switchOn() : this.switchOff()));
    this.switching = change.catch(() => undefined);
    return change;
  }

  async close(): Promise<void> {
    await this.power(false);
  }

  async startAgent(version: string): Promise<void> {
    if (this.agent) return;
    const { simulated, options } = this;
    const clock = { ...options.world.clock, bootMs: () => simulated.bootMs() };
    const log: Log = (level, text) => options.log(level, `${this.name}: ${text}`);
    const pace = new Pace({ stateDir: options.stateDir, clock, log });
    const agent = createAgent({
      stateDir: options.stateDir,
      version,
      clock,
      log,
      pace,
      hypervisor: createSimulatedHypervisor(simulated),
      source: createSimulatedSource(simulated, pace),
      target: createSimulatedTarget(simulated),
      guard: createSimulatedGuard(simulated),
      stage: createSimulatedStage(simulated),
      coordinated: createSimulatedCoordinated(simulated),
      transports: simulatedTransports,
      facts: async () => hostFacts(simulated, [ADDRESS]),
      load: async () => hostLoad(simulated),
      peerListen: { host: ADDRESS, port: this.peerPort },
      role: 'hypervisor',
    });
    this.agent = agent;
    this.agentVersion = version;
    this.starting = agent.start();
    await this.starting;
  }

  async stopAgent(): Promise<void> {
    const { agent } = this;
    this.agent = null;
    // An agent that is just starting can be stopped only afterwards.
    await this.starting.catch(() => undefined);
    // Without power it has nobody to tell.
    await agent?.stop(this.simulated.powered);
  }

  private async switchOff(): Promise<void> {
    this.simulated.powerOff();
    await Promise.all([this.ssh.cut(), this.stopAgent()]);
  }

  private async switchOn(): Promise<void> {
    if (this.simulated.powered) return;
    const { clock } = this.options.world;
    const booted = await new Promise<boolean>((resolve) => {
      const timer = clock.setTimeout(() => resolve(true), this.options.bootDelayMs);
      this.booting = {
        cancel: () => {
          timer.cancel();
          resolve(false);
        },
      };
    });
    this.booting = null;
    if (!booted) return;
    this.simulated.powerOn();
    await this.ssh.start();
    if (this.agentEnabled) await this.startAgent(this.agentVersion);
  }

  private socket(path: string): ((stream: Duplex) => void) | null {
    const { agent } = this;
    if (path !== SOCKET || !agent) return null;
    return (stream) => agent.attachConsole(stream);
  }
}

/**
 * Below the ports that systems give to outgoing connections (Linux from 32768, others from 49152): one of those could be
 * taken between this look and the agent's start.
 */
const PORTS = { from: 20_000, to: 32_000 } as const;

/** A port nobody listens on now; the agent keeps it over its restarts. */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, ADDRESS, () => resolve(true));
    });
    if (!free) continue;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return port;
  }
  throw new Error('no free port on loopback');
}
