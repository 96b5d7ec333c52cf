import type { Permission } from '../../agent/lease/deadline-file.ts';
import { compareEpoch, type Epoch } from '../../agent/protocol/index.ts';
import type { Host } from './host.ts';

/** The guard as agent/guard/FORMAT.md describes it: one round within every poll, and what it remembers. */
export class SimulatedGuard {
  readonly #host: Host;
  alive = true;
  /** When a killed guard is back (true time). */
  backAt = Number.NEGATIVE_INFINITY;
  #roundAt = Number.POSITIVE_INFINITY;
  /** What it stopped: in `guard.alive`, so that a successor knows it too. Local clock. */
  #stopped: { process: number; at: number; continued: boolean } | null = null;
  #missing = 0;
  #highest: Epoch = { n: 0, by: '' };

  constructor(host: Host) {
    this.#host = host;
  }

  kill(ms: number): void {
    const { kernel } = this.#host.world;
    this.alive = false;
    this.backAt = kernel.now + ms;
    kernel.after(ms, () => {
      this.alive = true;
      this.#highest = { n: 0, by: '' };
      this.#missing = 0;
      this.soon();
    });
  }

  /** A reboot: tmpfs and memory are empty. */
  forget(): void {
    this.#stopped = null;
    this.#missing = 0;
    this.#highest = { n: 0, by: '' };
  }

  /** The next round: somewhere within its poll. */
  soon(): void {
    const { world } = this.#host;
    this.#after(world.random.between(1, world.guardPollMs));
  }

  get idle(): boolean {
    return this.#roundAt === Number.POSITIVE_INFINITY;
  }

  #after(ms: number): void {
    const { kernel } = this.#host.world;
    const at = kernel.now + ms;
    if (at >= this.#roundAt) return;
    this.#roundAt = at;
    kernel.after(ms, () => {
      if (this.#roundAt !== at) return;
      this.#roundAt = Number.POSITIVE_INFINITY;
      this.#round();
    });
  }

  #round(): void {
    const host = this.#host;
    if (!this.alive || host.power !== 'on' || host.frozen || host.guest === 'none') return;
    const { permission } = host;
    if (permission === null) {
      this.#missing += 1;
      if (this.#missing > 1) this.#end();
      else {
        this.#stop();
        this.soon();
      }
      return;
    }
    this.#missing = 0;
    if (permission.kind === 'ended') this.#end();
    else if (this.#expired(permission)) this.#stop();
    else this.#maybeContinue(permission);
  }

  #expired(permission: Permission): boolean {
    if (compareEpoch(permission.epoch, this.#highest) < 0) return true;
    this.#highest = permission.epoch;
    if (permission.kind !== 'deadline') return false;
    const left = permission.ms - this.#host.clock();
    if (left <= 0) return true;
    this.#after(this.#host.trueMs(left) + this.#host.world.random.between(1, this.#host.world.guardPollMs));
    return false;
  }

  /** What it stopped and finds running again without permission is killed; everything else is stopped. */
  #stop(): void {
    const host = this.#host;
    if (host.guest === 'stopped') return;
    const own = this.#stopped;
    if (own !== null && own.process === host.process && !own.continued) {
      this.#end();
      return;
    }
    this.#stopped = { process: host.process, at: host.clock(), continued: false };
    host.stopGuest();
  }

  #end(): void {
    this.#stopped = null;
    this.#missing = 0;
    this.#host.intruder = false;
    for (const { uuid, end } of this.#host.machines()) if (this.#protects(uuid)) end();
  }

  /** `/run/understudy/guard/.protected`: everything else is nobody's business (I5). */
  #protects(uuid: string): boolean {
    return uuid === 'pair';
  }

  /** Only by an order that is younger than the stop, and only what a guard stopped. */
  #maybeContinue(permission: Permission): void {
    // What an admin started is the owner's own from now on.
    this.#host.adopt();
    const own = this.#stopped;
    if (permission.kind === 'ended' || own === null || own.process !== this.#host.process) return;
    if (this.#host.guest !== 'stopped' || own.continued) return;
    if (permission.resumed === undefined || own.at >= permission.resumed) return;
    own.continued = true;
    this.#host.unstopGuest();
  }
}
