import { randomUUID } from 'node:crypto';
import { fail, ok, type Result } from '../../protocol/index.ts';
import { type HypervisorEvent, isCopied } from '../hypervisor.ts';
import { domainText, type GuestDraft, type ParsedDomain, readDomain } from './domain-text.ts';
import * as problem from './problems.ts';
import { GIB, type Member, type SimulatedGuest, type SimulatedImage } from './types.ts';
import { vmInfo } from './view.ts';
import type { SimulatedWorld } from './world.ts';

export interface HostSpec {
  name: string;
  cpuModel?: string;
  cpuCount?: number;
  memoryBytes?: number;
  diskBytes?: number;
  bridges?: string[];
  /** Text files that differ from those of a host in good order, by path. */
  settings?: Record<string, string>;
  guests?: (GuestDraft & { autostart?: boolean; running?: boolean })[];
}

let nextReplicationPort = 57_421;

/**
 * One simulated hypervisor host: its power, memory, disks and guests. Everything an agent sees of it
 * lives here, so that an agent may come and go; only what lies on disk outlives the power.
 */
export class SimulatedHost implements Member {
  readonly world: SimulatedWorld;
  readonly name: string;
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly bridges: Set<string>;
  /** Text files the preflight looks at, by path. */
  readonly settings: Map<string, string>;
  readonly replicationPort = nextReplicationPort++;
  readonly guests = new Map<string, SimulatedGuest>();
  readonly images = new Map<string, SimulatedImage>();
  /** Images offered to a primary, by pair; the storage daemon's, gone with the power. */
  readonly exports = new Map<string, Set<string>>();
  readonly inMemory = new Map<string, Map<string, number>>();
  readonly unclean = new Set<string>();
  answerMs = 1;
  /** Overlays of the points that stand, by use and pair; the storage daemon's too. */
  readonly points = new Map<string, Set<string>>();
  /** Programs that somebody has put on it, by path. */
  readonly programs = new Map<
    string,
    (args: string[]) => Promise<{ code: number; stdout: string; stderr: string }>
  >();
  powered = true;
  bootId: string = randomUUID();
  private bootedAt: number;
  private readonly listeners = new Set<(event: HypervisorEvent) => void>();
  private readonly timers = new Map<{ cancel(): void }, () => void>();

  constructor(world: SimulatedWorld, spec: HostSpec) {
    this.world = world;
    this.name = spec.name;
    this.cpuModel = spec.cpuModel ?? 'AMD EPYC 7313P 16-Core Processor';
    this.cpuCount = spec.cpuCount ?? 16;
    this.memoryBytes = spec.memoryBytes ?? 64 * GIB;
    this.diskBytes = spec.diskBytes ?? 2048 * GIB;
    this.bridges = new Set(spec.bridges ?? ['br0']);
    const inOrder = { '/etc/hosts': `127.0.0.1 localhost\n127.0.1.1 ${spec.name}\n` };
    this.settings = new Map(Object.entries({ ...inOrder, ...spec.settings }));
    this.bootedAt = world.clock.now() - 9 * 24 * 3600_000;
    for (const draft of spec.guests ?? [])
      this.furnish(draft, draft.autostart ?? true, draft.running ?? true);
    world.add(this);
  }

  /** Milliseconds since the simulated boot. */
  bootMs(): number {
    return this.world.clock.now() - this.bootedAt;
  }

  guest(uuid: string): SimulatedGuest | undefined {
    return this.guests.get(uuid);
  }

  /** Its process is there and not stopped. */
  runs(uuid: string): boolean {
    const guest = this.guests.get(uuid);
    return this.powered && guest !== undefined && isAwake(guest);
  }

  /** A guest's process here has it open, whether it runs or stands still. */
  hasOpen(image: SimulatedImage): boolean {
    if (!this.powered) return false;
    return [...this.guests.values()].some(
      ({ startedAt, pause, domain }) =>
        startedAt !== null && pause !== 'incoming' && this.imagesOf(domain).includes(image),
    );
  }

  /** Images of the guest's writable disks; undefined entries lie nowhere. */
  imagesOf(domain: ParsedDomain): (SimulatedImage | undefined)[] {
    return domain.disks.filter(isCopied).map((disk) => this.images.get(disk.path));
  }

  isExported(path: string): boolean {
    return [...this.exports.values()].some((paths) => paths.has(path));
  }

  freeDiskBytes(): number {
    let used = 0;
    for (const image of this.images.values()) used += image.allocatedBytes;
    return Math.max(0, this.diskBytes - used);
  }

  freeMemoryBytes(): number {
    let used = GIB;
    for (const guest of this.guests.values()) if (guest.startedAt !== null) used += guest.domain.memoryBytes;
    return Math.max(0, this.memoryBytes - used);
  }

  /** One write by the guest's application to all its disks, as its client sees it. */
  write(uuid: string): 'acknowledged' | 'held' | 'stopped' {
    const guest = this.guests.get(uuid);
    if (!guest || !this.powered || !isAwake(guest)) return 'stopped';
    if (guest.tap?.held) return 'held';
    const version = this.world.acknowledgedBy(uuid) + 1;
    if (this.imagesOf(guest.domain).some((image) => image?.replicate?.(version) === false)) return 'held';
    for (const image of this.imagesOf(guest.domain)) if (image) image.version = version;
    guest.tap?.pass(version);
    this.world.acknowledge(uuid, version);
    return 'acknowledged';
  }

  /** Pulls the plug: everything volatile is gone, and nobody is told. */
  powerOff(): void {
    if (!this.powered) return;
    this.powered = false;
    this.listeners.clear();
    for (const guest of this.guests.values()) {
      guest.state = 'stopped';
      delete guest.pause;
      guest.startedAt = null;
      guest.booted = false;
      guest.halted = false;
      guest.tap = null;
    }
    for (const pairId of this.inMemory.keys()) this.loseMemory(pairId);
    this.exports.clear();
    this.points.clear();
    for (const [timer, cut] of [...this.timers]) {
      timer.cancel();
      cut();
    }
    this.timers.clear();
    this.world.changed();
  }

  /** What a copy here acknowledged from memory is gone: its storage daemon was killed, or the power went. */
  loseMemory(pairId: string): void {
    for (const [path, version] of this.inMemory.get(pairId) ?? []) {
      const image = this.images.get(path);
      if (image) image.version = Math.min(image.version, version);
    }
    if (this.inMemory.delete(pairId)) this.unclean.add(pairId);
    this.exports.delete(pairId);
    this.world.changed();
  }

  /** Its disks, or the line to it, become slower or faster. */
  answersWithin(ms: number): void {
    this.answerMs = ms;
    this.world.changed();
  }

  /** Boots: a new boot id, and the guests that start by themselves do. */
  powerOn(): void {
    if (this.powered) return;
    this.powered = true;
    this.bootId = randomUUID();
    this.bootedAt = this.world.clock.now();
    for (const guest of this.guests.values()) if (guest.autostart) void this.startGuest(guest);
    this.world.changed();
  }

  /** True after `ms`, false when the power went before. */
  after(ms: number): Promise<boolean> {
    if (!this.powered) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = this.world.clock.setTimeout(() => {
        this.timers.delete(timer);
        resolve(true);
      }, ms);
      this.timers.set(timer, () => resolve(false));
    });
  }

  subscribe(listener: (event: HypervisorEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(event: HypervisorEvent): void {
    for (const listener of [...this.listeners]) listener(event);
  }

  tellOf(guest: SimulatedGuest): void {
    const { uuid } = guest.domain;
    this.tell({ kind: 'vm', uuid, vm: vmInfo(this, guest) });
  }

  define(domain: ParsedDomain): SimulatedGuest {
    const before = this.guests.get(domain.uuid);
    const guest: SimulatedGuest = before
      ? Object.assign(before, { domain, transient: false })
      : { domain, state: 'stopped', autostart: false, startedAt: null, booted: false, tap: null };
    this.guests.set(domain.uuid, guest);
    this.tellOf(guest);
    return guest;
  }

  /** Starts a defined guest; resolves once its process runs. */
  async startGuest(guest: SimulatedGuest, how: { paused?: boolean } = {}): Promise<Result<void>> {
    if (guest.startedAt !== null) return ok(undefined);
    if (!(await this.after(this.world.pace.startMs))) return fail(problem.hostOff(this.name));
    if (guest.startedAt !== null) return ok(undefined);
    const { name } = guest.domain;
    if (this.freeMemoryBytes() < guest.domain.memoryBytes) return fail(problem.noMemory(name, this.name));
    const images = this.imagesOf(guest.domain);
    for (const [index, image] of images.entries()) {
      const path = guest.domain.disks[index]?.path ?? '';
      if (!image) return fail(problem.imageMissing(name, this.name, path));
      // QEMU's image lock: the storage daemon still has it.
      if (this.isExported(image.path)) return fail(problem.imageInUse(name, this.name, image.path));
      const elsewhere = this.world.hosts.some(
        (each) => each !== this && each instanceof SimulatedHost && each.hasOpen(image),
      );
      if (elsewhere || image.readOnly) return fail(problem.imageInUse(name, this.name, image.path));
      if (!image.complete) this.world.violated(`${name} starts on ${this.name} from an unfinished copy`);
    }
    if (how.paused) {
      guest.startedAt = this.world.clock.now();
      guest.state = 'paused';
      guest.pause = 'not-started';
      this.tellOf(guest);
    } else this.runGuest(guest);
    return ok(undefined);
  }

  /** A guest that is paused, or has not run yet, goes on. One whose process is stopped goes on when that is let go. */
  resumeGuest(guest: SimulatedGuest): void {
    if (guest.state !== 'paused' || guest.halted) return;
    if (guest.pause === 'not-started') this.runGuest(guest);
    else {
      guest.state = 'running';
      this.tellOf(guest);
    }
  }

  /** Stands still at the end of its live migration. */
  pauseToLeave(guest: SimulatedGuest): void {
    guest.state = 'paused';
    guest.pause = 'leaving';
    this.tellOf(guest);
  }

  /** One that was to leave goes on; of any other nothing changes. */
  goOn(guest: SimulatedGuest): void {
    if (guest.pause !== 'leaving' || guest.startedAt === null) return;
    const { name, uuid } = guest.domain;
    this.world.beforeRunning(this, uuid, name, versionOf(this.imagesOf(guest.domain)));
    delete guest.pause;
    guest.state = 'running';
    this.tellOf(guest);
  }

  /** A process that waits for the memory of a guest: nothing of it runs, and it has read nothing of its disks. */
  awaitMemory(domain: ParsedDomain): void {
    const guest = this.guests.get(domain.uuid) ?? this.define(domain);
    Object.assign(guest, { domain, state: 'paused', pause: 'incoming', startedAt: this.world.clock.now() });
    this.tellOf(guest);
  }

  /** The guest's first instruction. */
  private runGuest(guest: SimulatedGuest): void {
    const { name, uuid } = guest.domain;
    const images = this.imagesOf(guest.domain).flatMap((image) => image ?? []);
    this.goBack(uuid, name, images);
    this.world.beforeRunning(this, uuid, name, versionOf(images));
    guest.state = 'running';
    guest.startedAt ??= this.world.clock.now();
    guest.away = false;
    delete guest.pause;
    this.tellOf(guest);
    if (!guest.booted) void this.boot(guest, guest.startedAt);
  }

  /** It starts from a restore point: what was written since is given up, by a person's order. */
  private goBack(uuid: string, name: string, images: SimulatedImage[]): void {
    const promised = images.flatMap(({ fromPoint }) => fromPoint ?? []);
    if (promised.length === 0) return;
    for (const image of images) delete image.fromPoint;
    if (promised.length < images.length)
      this.world.violated(`${name} starts on ${this.name} from a point that some of its disks lack`);
    this.world.goBack(this, uuid, name, versionOf(images), Math.max(...promised));
  }

  /** SIGSTOP to the guest's process, or SIGCONT: the hypervisor is not asked and does not notice. */
  halt(guest: SimulatedGuest, halted: boolean): void {
    if (guest.startedAt === null || guest.halted === halted) return;
    if (!halted && guest.state !== 'paused') {
      const { name, uuid } = guest.domain;
      this.world.beforeRunning(this, uuid, name, versionOf(this.imagesOf(guest.domain)));
    }
    guest.halted = halted;
    this.world.changed();
  }

  /** The guest's process ends; everybody who listens is told. */
  endGuest(guest: SimulatedGuest, reason: 'shutdown' | 'destroyed' | 'crashed' | 'migrated'): void {
    if (guest.startedAt === null) return;
    const { uuid } = guest.domain;
    const { tap } = guest;
    guest.state = reason === 'crashed' ? 'crashed' : 'stopped';
    delete guest.pause;
    guest.startedAt = null;
    guest.booted = false;
    guest.halted = false;
    guest.tap = null;
    guest.away = reason === 'migrated';
    tap?.guestEnded(reason === 'shutdown');
    this.tell({ kind: 'stopped', uuid, reason });
    this.tellOf(guest);
  }

  private async boot(guest: SimulatedGuest, startedAt: number): Promise<void> {
    do {
      if (!(await this.after(this.world.pace.bootMs)) || guest.startedAt !== startedAt) return;
    } while (guest.halted);
    guest.booted = true;
    this.tellOf(guest);
  }

  private furnish(draft: GuestDraft, autostart: boolean, running: boolean): void {
    const domain = readDomain(domainText(draft));
    if (!domain) throw new Error(`no definition can be made of ${draft.name}`);
    for (const disk of draft.disks)
      this.images.set(disk.path, {
        path: disk.path,
        sizeBytes: disk.sizeBytes,
        allocatedBytes: Math.round(disk.sizeBytes * draft.nature.fill),
        version: 0,
        complete: true,
      });
    this.guests.set(draft.uuid, {
      domain,
      state: running ? 'running' : 'stopped',
      autostart,
      startedAt: running ? this.world.clock.now() - 3600_000 : null,
      booted: running,
      tap: null,
    });
  }
}

/** Its process is there and not stopped. */
const isAwake = (guest: SimulatedGuest): boolean =>
  guest.startedAt !== null && guest.state !== 'paused' && guest.halted !== true;

/** The oldest of its images counts. */
const versionOf = (images: (SimulatedImage | undefined)[]): number =>
  Math.min(...images.map((image) => image?.version ?? 0));
