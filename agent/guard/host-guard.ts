import type { Permission } from '../lease/deadline-file.ts';
import type { Clock, Log } from '../ports.ts';
import type { GuardView } from '../protocol/index.ts';
import { GuardFiles } from './files.ts';
import type { Guard } from './guard.ts';
import { type GuardStatus, type MachineStatus, parseStatus, viewOf } from './status.ts';

export interface HostGuardOptions {
  /** /run/understudy, on tmpfs. */
  runDir: string;
  /** /var/lib/understudy. */
  stateDir: string;
  clock: Clock;
  log: Log;
  /** Looks at the guard's status within this time, ms, are one: all pairs of a host beat together, and each asks. */
  sameLookMs?: number;
}

/** While something is protected. A look is a stat, and a reading only of what is new (twice a second when idle). */
const LOOK_MS = 200;
const IDLE_LOOK_MS = 5_000;
/** A guard writes at least every 500 ms: its word for a machine counts that long, ... */
const FRESH_MS = 1_000;
/** ... and after this it is taken for gone. */
const GONE_MS = 2_000;
/** How long libvirt may take from `allowStart` to QEMU. */
const START_MS = 60_000;
/** How long a guard may take to read a list, until the permission of a machine that left it can be removed. */
const READ_MS = 1_000;
const READ_LOOK_MS = 20;

/** The guard of a real host: a process of its own (guard.c), spoken to by files. */
export function createHostGuard(options: HostGuardOptions): Guard {
  return new HostGuard(options);
}

class HostGuard implements Guard {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #files: GuardFiles;
  readonly #sameLookMs: number;
  readonly #protected = new Set<string>();
  readonly #listeners = new Set<(uuid: string | null) => void>();
  #changes: Promise<void> = Promise.resolve();
  #status: GuardStatus | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** What listeners have heard: of each machine, and of the guard itself. */
  #toldOf = new Map<string, string>();
  #toldView = '';
  /** Something the agent could not write or read, for the view; null when all is well. */
  #trouble: string | null = null;
  #timer: { cancel(): void } | null = null;
  #running = false;

  constructor({ runDir, stateDir, clock, log, sameLookMs = 20 }: HostGuardOptions) {
    this.#sameLookMs = sameLookMs;
    this.#clock = clock;
    this.#log = log;
    this.#files = new GuardFiles(runDir, stateDir);
  }

  get view(): GuardView {
    const view = viewOf(this.#statusWithin(GONE_MS));
    return this.#trouble === null || view.state === 'missing' ? view : { state: 'weak', why: this.#trouble };
  }

  on(uuid: string, epoch: number): boolean {
    const status = this.#statusWithin(FRESH_MS);
    const machine = status?.machines.get(uuid);
    return status?.strength === 'armed' && machine?.kind === 'deadline' && machine.epoch === epoch;
  }

  stopped(uuid: string): boolean {
    this.#look();
    // However old: what a guard has stopped stands still also when that guard has gone.
    const processes = this.#status?.processes ?? [];
    return processes.some((process) => process.uuid === uuid && process.state === 'stopped');
  }

  permit(uuid: string, permission: Permission): void {
    this.#write(`the permission of ${uuid}`, () => this.#files.permit(uuid, permission));
  }

  allowStart(uuid: string): void {
    const until = this.#clock.bootMs() + START_MS;
    this.#write(`the leave to start ${uuid}`, () => this.#files.permitStart(uuid, until));
  }

  endStart(uuid: string): void {
    this.#write(`the leave to start ${uuid}`, () => this.#files.withdrawStart(uuid));
  }

  protects(): string[] {
    return [...this.#protected];
  }

  protect(uuid: string): Promise<void> {
    return this.#change(async () => {
      if (this.#protected.has(uuid)) return;
      await this.#save([...this.#protected, uuid]);
      this.#watchSoon();
    });
  }

  letGo(uuid: string): Promise<void> {
    return this.#change(async () => {
      if (this.#protected.has(uuid)) await this.#save(this.protects().filter((each) => each !== uuid));
      // A guard in the middle of a round has the old list, and would take a missing permission for an order to stop.
      await this.#untilForgotten(uuid);
      this.#files.withdraw(uuid);
      this.#files.withdrawStart(uuid);
    });
  }

  subscribe(listener: (uuid: string | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    this.#running = true;
    await this.#change(() => this.#recall());
    this.#toldView = JSON.stringify(this.view);
    this.#toldOf = this.#wordsOf();
    this.#watchSoon();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** The list on tmpfs is the durable one from now on: the guard has read the durable one only if it started first. */
  async #recall(): Promise<void> {
    this.#files.prepare();
    const [durable, onTmpfs] = [await this.#files.loadList(), this.#files.readList()];
    // Without a believable durable list (its disk was exchanged, say) nothing is let go of that is protected now.
    const recalled = Array.isArray(durable) ? durable : Array.isArray(onTmpfs) ? onTmpfs : null;
    if (durable === 'damaged') this.#log('warn', 'the durable list of protected machines cannot be read');
    if (recalled === null && durable === 'damaged') this.#trouble = UNREADABLE;
    for (const uuid of recalled ?? []) this.#protected.add(uuid);
    if (!Array.isArray(durable) && recalled !== null) await this.#files.saveList(recalled);
    this.#files.writeList(this.#protected);
  }

  async #save(uuids: string[]): Promise<void> {
    await this.#files.saveList(uuids);
    this.#files.writeList(uuids);
    this.#protected.clear();
    for (const uuid of uuids) this.#protected.add(uuid);
    this.#trouble = null;
  }

  async #untilForgotten(uuid: string): Promise<void> {
    const end = this.#clock.bootMs() + READ_MS;
    while (this.#statusWithin(FRESH_MS)?.machines.has(uuid) === true && this.#clock.bootMs() < end)
      await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, READ_LOOK_MS));
  }

  /** Changes of the lists, one after the other. */
  #change(work: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(work);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /** What cannot be written leaves the guard with the permission before, which ends by itself when it is a deadline. */
  #write(what: string, write: () => void): void {
    try {
      try {
        write();
      } catch {
        // Somebody has taken the folder away.
        this.#files.prepare();
        write();
      }
      if (this.#trouble !== UNREADABLE) this.#trouble = null;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log('warn', `${what} cannot be written: ${why}`);
      this.#trouble = `The agent cannot write for the guard (${why}): look at the free space of /run.`;
    }
  }

  #statusWithin(ms: number): GuardStatus | null {
    this.#look();
    const status = this.#status;
    return status !== null && this.#clock.bootMs() - status.ms <= ms ? status : null;
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#lookedAt < this.#sameLookMs) return;
    this.#lookedAt = now;
    try {
      const text = this.#files.readAliveIfNew();
      if (text !== null) this.#status = parseStatus(text);
    } catch (error) {
      this.#log('warn', `the guard's status cannot be read: ${error}`);
    }
  }

  #watchSoon(): void {
    this.#timer?.cancel();
    if (!this.#running) return;
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#watchSoon();
        this.#tellChanges();
      },
      this.#protected.size > 0 ? LOOK_MS : IDLE_LOOK_MS,
    );
  }

  #tellChanges(): void {
    const [before, now] = [this.#toldOf, this.#wordsOf()];
    this.#toldOf = now;
    for (const uuid of new Set([...before.keys(), ...now.keys()]))
      if (before.get(uuid) !== now.get(uuid)) this.#tell(uuid);
    const view = JSON.stringify(this.view);
    if (view === this.#toldView) return;
    this.#toldView = view;
    this.#tell(null);
  }

  #tell(uuid: string | null): void {
    for (const listener of [...this.#listeners]) listener(uuid);
  }

  /** Of each machine all but the deadline itself, which every renewal moves. */
  #wordsOf(): Map<string, string> {
    const status = this.#statusWithin(FRESH_MS);
    if (status === null) return new Map();
    const words = ({ permission, state }: MachineStatus): string =>
      `${permission.replace(/(deadline) [0-9]+$/, '$1')} ${state}`;
    return new Map([...status.machines].map(([uuid, machine]) => [uuid, words(machine)]));
  }
}

const UNREADABLE =
  'The list of protected machines cannot be read: end the protection of each machine here and begin it anew.';
