import type { SimulatedHost } from '../hypervisor/simulated/host.ts';
import type { SimulatedGuest } from '../hypervisor/simulated/types.ts';
import type { Permission } from '../lease/deadline-file.ts';
import type { GuardView } from '../protocol/index.ts';
import type { Guard } from './guard.ts';

/** From one look of the guard to the next; FORMAT.md. */
const ROUND_MS = 80;
type Listener = (uuid: string | null) => void;

const processes = new WeakMap<SimulatedHost, GuardProcess>();

/**
 * The guard of a simulated host. There is one a host, however often this is called: it outlives the agents that speak
 * to it and ends with the power; what is protected is on disk, what is permitted is not.
 */
export function createSimulatedGuard(host: SimulatedHost): Guard {
  const process = processes.get(host) ?? new GuardProcess(host);
  processes.set(host, process);
  return new SimulatedGuard(process);
}

/** What one agent holds of it. */
class SimulatedGuard implements Guard {
  readonly #process: GuardProcess;
  readonly #listeners = new Set<Listener>();
  #end: () => void = () => undefined;

  constructor(process: GuardProcess) {
    this.#process = process;
  }

  get view(): GuardView {
    return this.#process.view;
  }

  on(uuid: string, epoch: number): boolean {
    const permission = this.#process.permissions.get(uuid);
    const counts = this.#process.view.state === 'armed' && this.#process.list.has(uuid);
    return counts && permission?.kind === 'deadline' && permission.epoch.n === epoch;
  }

  stopped(uuid: string): boolean {
    return this.#process.stoppedAt.has(uuid);
  }

  permit(uuid: string, permission: Permission): void {
    this.#process.permit(uuid, permission);
  }

  async protect(uuid: string): Promise<void> {
    this.#process.list.add(uuid);
    this.#process.look(uuid);
  }

  async letGo(uuid: string): Promise<void> {
    this.#process.forget(uuid);
  }

  protects(): string[] {
    return [...this.#process.list];
  }

  /** Nobody but the agent starts machines on a simulated host. */
  allowStart(): void {}
  endStart(): void {}

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    this.#end();
    const pass: Listener = (uuid) => {
      for (const listener of [...this.#listeners]) listener(uuid);
    };
    this.#process.listeners.add(pass);
    this.#end = () => this.#process.listeners.delete(pass);
  }

  stop(): void {
    this.#end();
  }
}

class GuardProcess {
  readonly permissions = new Map<string, Permission>();
  /** Machines whose process it stopped, and when (boot-time clock, ms). */
  readonly stoppedAt = new Map<string, number>();
  readonly list = new Set<string>();
  readonly listeners = new Set<Listener>();
  readonly #host: SimulatedHost;
  readonly #timers = new Map<string, { cancel(): void }>();
  /** Machines found without a permission: killed at the next look. */
  readonly #missing = new Set<string>();
  #bootId: string;

  constructor(host: SimulatedHost) {
    this.#host = host;
    this.#bootId = host.bootId;
    host.world.onChange(() => this.#onWorld());
    this.#listen();
  }

  get view(): GuardView {
    if (this.#host.powered) return { state: 'armed', why: null };
    return { state: 'missing', why: `${this.#host.name} is off.` };
  }

  permit(uuid: string, permission: Permission): void {
    if (!this.#host.powered) return;
    this.permissions.set(uuid, permission);
    this.look(uuid);
    this.#tell(uuid);
  }

  forget(uuid: string): void {
    this.list.delete(uuid);
    this.permissions.delete(uuid);
    this.stoppedAt.delete(uuid);
    this.#missing.delete(uuid);
    this.#plan(uuid, null);
    this.#tell(uuid);
  }

  /** Does what the permission of that machine asks now, and plans the next look. */
  look(uuid: string): void {
    this.#plan(uuid, null);
    const guest = this.#host.guest(uuid);
    if (!this.#host.powered || !this.list.has(uuid) || !guest || guest.startedAt === null) return;
    const permission = this.permissions.get(uuid);
    const now = this.#host.bootMs();
    if (permission?.kind === 'ended' || (permission === undefined && this.#missing.has(uuid))) {
      this.#host.endGuest(guest, 'crashed');
    } else if (permission === undefined) {
      this.#missing.add(uuid);
      this.#stop(guest, now);
      this.#plan(uuid, ROUND_MS);
    } else if (permission.kind === 'deadline' && now >= permission.ms) this.#stop(guest, now);
    else {
      this.#missing.delete(uuid);
      this.#letRun(guest, permission, now);
      if (permission.kind === 'deadline') this.#plan(uuid, permission.ms - now);
    }
  }

  #stop(guest: SimulatedGuest, now: number): void {
    const { uuid } = guest.domain;
    if (this.stoppedAt.has(uuid)) return;
    this.stoppedAt.set(uuid, now);
    this.#host.halt(guest, true);
    this.#tell(uuid);
  }

  /** Continued is only what was stopped before the order to continue was given. */
  #letRun(guest: SimulatedGuest, permission: Permission, now: number): void {
    const { uuid } = guest.domain;
    const resumed = permission.kind === 'ended' ? undefined : permission.resumed;
    if (resumed === undefined || (this.stoppedAt.get(uuid) ?? now + 1) >= resumed) return;
    this.stoppedAt.delete(uuid);
    this.#host.halt(guest, false);
    this.#tell(uuid);
  }

  #plan(uuid: string, ms: number | null): void {
    this.#timers.get(uuid)?.cancel();
    this.#timers.delete(uuid);
    if (ms === null) return;
    this.#timers.set(
      uuid,
      this.#host.world.clock.setTimeout(() => this.look(uuid), Math.max(1, ms)),
    );
  }

  /** Power: whatever was on tmpfs is gone; the list of protected machines is read anew from the disk. */
  #onWorld(): void {
    const { powered, bootId } = this.#host;
    if (powered && bootId === this.#bootId) return;
    if (powered) this.#listen();
    this.#bootId = powered ? bootId : '';
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.permissions.clear();
    this.stoppedAt.clear();
    this.#missing.clear();
    this.#tell(null);
  }

  /** A machine that starts is seen at once; a power cut ends the subscription. */
  #listen(): void {
    this.#host.subscribe((event) => {
      if (event.kind === 'stopped') {
        this.stoppedAt.delete(event.uuid);
        this.#plan(event.uuid, null);
        if (this.list.has(event.uuid)) this.#tell(event.uuid);
      } else if (event.kind === 'vm' && this.list.has(event.uuid)) this.look(event.uuid);
    });
  }

  #tell(uuid: string | null): void {
    for (const listener of [...this.listeners]) listener(uuid);
  }
}
