import { spawn } from 'node:child_process';
import { readFile, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseDomain } from '../../hypervisor/libvirt/domain-xml.ts';
import { trialDefinition } from '../../hypervisor/libvirt/trial-definition.ts';
import { type DrillCheck, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk } from '../../replication/replication.ts';
import type { Answer, Stage, TrialCopy, TrialPlan } from '../stage.ts';
import { type Commands, hostCommands } from './commands.ts';
import { type DiskPlaces, TrialDisks } from './disks.ts';
import { entering, TrialNetwork, tapOf } from './network.ts';

const MIB = 2 ** 20;
/** Left to the host, whatever is tried out on it. */
const SPARE_MEMORY = 192 * MIB;
/** The point and the copy's own writes grow while it runs; less than this left, and it ends. */
const SPARE_DISK = 256 * MIB;
/** Share of the disks that a drill is expected to take at most while it lasts. */
const LIKELY_SHARE = 0.02;

export interface LinuxStageOptions {
  /** Agent's durable state: certificates. */
  stateDir: string;
  runDir: string;
  hostName(): string;
  /** How this process starts its own program in another role. */
  self: string[];
  commands?: Commands;
  places?: Partial<DiskPlaces>;
}

/** Trials on a libvirt host: disks through a storage daemon of their own, network cards in a network namespace. */
export function createLinuxStage(options: LinuxStageOptions): Stage {
  return new LinuxStage(options);
}

class LinuxStage implements Stage {
  readonly #options: LinuxStageOptions;
  readonly #network: TrialNetwork;
  readonly #disks: TrialDisks;

  constructor(options: LinuxStageOptions) {
    const commands = options.commands ?? hostCommands;
    this.#options = options;
    this.#network = new TrialNetwork(commands);
    this.#disks = new TrialDisks(commands, {
      tlsDir: join(options.stateDir, 'tls'),
      runDir: options.runDir,
      socketDir: '/run/libvirt/understudy',
      qemuHome: '/var/lib/libvirt/qemu',
      address: '127.0.0.1',
      ...options.places,
    });
  }

  async refusal(definition: string, disks: ReplicaDisk[]): Promise<Problem | null> {
    const { memoryBytes } = parseDomain(definition);
    const free = await availableMemory();
    if (free !== null && free < memoryBytes + SPARE_MEMORY) {
      return {
        kind: 'drill-no-memory',
        message: `${this.#options.hostName()} has ${mib(free)} MiB of memory left; the copy needs ${mib(memoryBytes)} MiB, and ${mib(SPARE_MEMORY)} MiB must stay free.`,
        next: 'Free memory on the standby, then start the drill again.',
      };
    }
    const likely = disks.reduce((sum, disk) => sum + disk.sizeBytes, 0) * LIKELY_SHARE;
    return this.#lacksSpace(disks, SPARE_DISK + likely);
  }

  tight(disks: ReplicaDisk[]): Promise<Problem | null> {
    return this.#lacksSpace(disks, SPARE_DISK);
  }

  async build(copy: TrialCopy, plan: TrialPlan): Promise<Result<string>> {
    const cards = cardsOf(plan.definition);
    const network = await this.#network.build(copy, cards, plan.addresses);
    if (!network.ok) return network;
    const socket = await this.#disks.build(copy, plan.disks, plan.point);
    if (!socket.ok) return socket;
    return ok(
      trialDefinition(plan.definition, {
        name: copy.name,
        uuid: copy.uuid,
        socket: socket.value,
        taps: Array.from({ length: cards }, (_, card) => tapOf(copy, card)),
        nvram: nvramOf(copy),
      }),
    );
  }

  enclose(copy: TrialCopy, plan: TrialPlan): Promise<Result<void>> {
    return this.#network.enclose(copy, cardsOf(plan.definition));
  }

  ask(copy: TrialCopy, check: DrillCheck, addresses: string[], signal: AbortSignal): Promise<Answer | null> {
    const asks = check.kind === 'answers' || check.kind === 'tcp' || check.kind === 'http';
    if (!asks || addresses.length === 0) return Promise.resolve(null);
    const [program = '', ...args] = this.#options.self;
    const [enter = '', ...inside] = [...entering(copy), program, ...args, 'drill-probe'];
    return new Promise((resolve, reject) => {
      const probe = spawn(enter, [...inside, JSON.stringify({ check, addresses })], {
        stdio: ['ignore', 'pipe', 'ignore'],
        signal,
      });
      let said = '';
      probe.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
      });
      probe.on('error', reject);
      probe.on('close', () => {
        const [, evidence] = /"evidence":("(?:[^"\\]|\\.)*")/.exec(said) ?? [];
        if (evidence !== undefined) resolve({ evidence: String(JSON.parse(evidence)) });
        else reject(new Error('the probe ended without an answer'));
      });
    });
  }

  async clear(copy: TrialCopy, disks: ReplicaDisk[]): Promise<Result<void>> {
    const disksGone = await this.#disks.clear(copy, disks);
    const networkGone = await this.#network.clear(copy);
    for (const trace of tracesOf(copy)) await rm(trace, { recursive: true, force: true });
    return disksGone.ok ? networkGone : disksGone;
  }

  async #lacksSpace(disks: ReplicaDisk[], wanted: number): Promise<Problem | null> {
    for (const folder of new Set(disks.map(({ path }) => dirname(path)))) {
      const space = await statfs(folder).catch(() => null);
      if (space === null || space.bavail * space.bsize >= wanted) continue;
      return {
        kind: 'drill-no-space',
        message: `${this.#options.hostName()} has too little space at ${folder} for a drill: ${mib(space.bavail * space.bsize)} MiB, ${mib(wanted)} MiB wanted.`,
        next: 'Free space there, then start the drill again.',
      };
    }
    return null;
  }
}

const mib = (bytes: number): number => Math.round(bytes / MIB);
const cardsOf = (definition: string): number => parseDomain(definition).nics.length;
const nvramOf = (copy: TrialCopy): string => `/var/lib/libvirt/qemu/nvram/${copy.name}_VARS.fd`;

/** What libvirt keeps of a guest beyond its definition. */
const tracesOf = (copy: TrialCopy): string[] => [
  nvramOf(copy),
  `/var/lib/libvirt/swtpm/${copy.uuid}`,
  `/var/log/libvirt/qemu/${copy.name}.log`,
  `/var/log/swtpm/libvirt/qemu/${copy.name}-swtpm.log`,
  `/etc/apparmor.d/libvirt/libvirt-${copy.uuid}`,
  `/etc/apparmor.d/libvirt/libvirt-${copy.uuid}.files`,
];

async function availableMemory(): Promise<number | null> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const [, kib] = /^MemAvailable:\s+(\d+) kB$/m.exec(text) ?? [];
  return kib === undefined ? null : Number(kib) * 1024;
}
