import type { Clock } from '../../ports.ts';
import type { Member } from './types.ts';

/** How long things take, milliseconds; real guests and hosts take about this long. */
export interface Pace {
  startMs: number;
  /** From the guest's start until it is known by its address. */
  bootMs: number;
  shutdownMs: number;
  destroyMs: number;
  /** Rate of a full copy, bytes per second and pair. */
  copyBps: number;
  /** Rate at which a running guest's memory moves, bytes per second. */
  memoryBps: number;
  /** What moved is broken on arrival: a fault to be played. */
  memoryLost: boolean;
  /** Until a lost link is noticed. */
  noticeMs: number;
}

export const PACE: Pace = {
  startMs: 900,
  bootMs: 6_000,
  shutdownMs: 3_500,
  destroyMs: 120,
  copyBps: 400_000_000,
  memoryBps: 1_000_000_000,
  memoryLost: false,
  noticeMs: 400,
};

export interface WorldOptions {
  clock: Clock;
  pace?: Partial<Pace>;
  /** Called when something happened that must never happen; throws when not given. */
  onViolation?: (text: string) => void;
}

/**
 * The simulated hosts and what lies between them: power, cables, replication ports.
 * It watches the two promises of docs/safety.md itself: no guest runs twice, and what
 * serves has every write that was acknowledged.
 */
export class SimulatedWorld {
  readonly clock: Clock;
  readonly pace: Pace;
  readonly violations: string[] = [];
  /** Newest write of each disk by the name of what the disks held when a machine changed hands. */
  readonly contents = new Map<string, number[]>();
  private readonly onViolation: (text: string) => void;
  private readonly members = new Set<Member>();
  private readonly cables = new Set<string>();
  private readonly acknowledged = new Map<string, number>();
  private readonly listeners = new Set<() => void>();

  constructor(options: WorldOptions) {
    this.clock = options.clock;
    this.pace = { ...PACE, ...options.pace };
    this.onViolation =
      options.onViolation ??
      ((text) => {
        throw new Error(text);
      });
  }

  get hosts(): Member[] {
    return [...this.members];
  }

  add(host: Member): void {
    this.members.add(host);
  }

  host(name: string): Member | undefined {
    return this.hosts.find((host) => host.name === name);
  }

  hostAtReplicationPort(port: number): Member | undefined {
    return this.hosts.find((host) => host.replicationPort === port);
  }

  /** Cuts or mends the network from one host to another. */
  cable(from: string, to: string, connected: boolean): void {
    if (connected) this.cables.delete(`${from}>${to}`);
    else this.cables.add(`${from}>${to}`);
    this.changed();
  }

  /** Both ends powered, and packets pass in both directions. */
  linked(a: Member, b: Member): boolean {
    const cut = this.cables.has(`${a.name}>${b.name}`) || this.cables.has(`${b.name}>${a.name}`);
    return a.powered && b.powered && !cut;
  }

  /** Told whenever power, cables or exports changed. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    for (const listener of [...this.listeners]) listener();
  }

  /** Newest write of that guest which a client was told is safe; 0 before the first. */
  acknowledgedBy(uuid: string): number {
    return this.acknowledged.get(uuid) ?? 0;
  }

  acknowledge(uuid: string, version: number): void {
    this.acknowledged.set(uuid, Math.max(version, this.acknowledgedBy(uuid)));
  }

  /** Called when a guest's first instruction is about to run, with the content it will see. */
  beforeRunning(host: Member, uuid: string, name: string, version: number): void {
    const other = this.hosts.find((each) => each !== host && each.runs(uuid));
    if (other) this.violated(`${name} runs on ${other.name} and on ${host.name}`);
    const acknowledged = this.acknowledgedBy(uuid);
    if (version < acknowledged)
      this.violated(`${name} starts on ${host.name} with write ${version}; ${acknowledged} was acknowledged`);
  }

  /** A guest is about to run from a restore point, of which this much was promised: later writes are given up. */
  goBack(host: Member, uuid: string, name: string, version: number, promised: number): void {
    if (version < promised)
      this.violated(`${name} starts on ${host.name} with write ${version}; its point promised ${promised}`);
    this.acknowledged.set(uuid, version);
  }

  violated(text: string): void {
    this.violations.push(text);
    this.onViolation(text);
  }
}
