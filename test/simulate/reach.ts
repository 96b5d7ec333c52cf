import type { Machine } from './machine.ts';
import type { World } from './world.ts';

const EVERY_MS = 100;

/** Since when each voter has been out of, or within, the owner's reach: the eyes of rule *disarm before the next loss*. */
export class Reach {
  readonly #world: World;
  readonly #since = new Map<string, { reached: boolean; at: number }>();
  #owner = '';
  #config = 0;
  #ownerWellSince = 0;

  constructor(world: World) {
    this.#world = world;
  }

  watch(): void {
    this.#sample();
    this.#world.kernel.after(EVERY_MS, () => this.watch());
  }

  /**
   * How long ago the first voter was lost, when that was long enough to have disarmed: the owner and the remaining voter
   * were well and heard each other meanwhile. Null when the freeze is what the contract promises.
   */
  lost(host: Machine): number | null {
    const { kernel, timing, network } = this.#world;
    const { leaseMs } = timing;
    const enough = 6 * leaseMs + 2_000;
    const voters = [...this.#since.keys()];
    if (this.#owner !== host.id || voters.length !== 2 || !network.calm(enough)) return null;
    if (kernel.now - this.#ownerWellSince < enough) return null;
    for (const [first, second] of [voters, voters.toReversed()]) {
      const a = this.#since.get(first ?? '');
      const b = this.#since.get(second ?? '');
      if (a === undefined || b === undefined || a.reached) continue;
      const alone = b.reached ? kernel.now : b.at;
      // From the first loss until the second the two others could have agreed.
      if (alone - a.at >= enough - 2 * leaseMs && this.#steady(second ?? '', a.at)) return kernel.now - a.at;
    }
    return null;
  }

  /** The remaining voter had been within reach since before the first was lost. */
  #steady(id: string, since: number): boolean {
    return (this.#reachedSince.get(id) ?? Number.POSITIVE_INFINITY) <= since;
  }

  readonly #reachedSince = new Map<string, number>();

  #sample(): void {
    const record = this.#world.truth();
    const owner = this.#world.host(record?.owner ?? '');
    if (record === null || owner === undefined) return;
    const { now } = this.#world.kernel;
    if (record.owner !== this.#owner || record.config !== this.#config) {
      this.#since.clear();
      this.#reachedSince.clear();
      this.#owner = record.owner;
      this.#config = record.config;
      this.#ownerWellSince = now;
    }
    // A voter whose disk is ill answers as long as it has nothing to write: whether it counts as lost is nobody's to say.
    const ill = this.#world.hosts.some((host) => host.fsync !== 'well');
    // And a restarted owner's own vote counts only after the longest hold on its disk, while one of the others is away.
    if (!owner.well || ill) this.#ownerWellSince = now + EVERY_MS + owner.disk.longestHoldMs;
    for (const id of record.voters) if (id !== record.owner) this.#note(id, this.#reaches(owner, id), now);
  }

  #note(id: string, reached: boolean, now: number): void {
    const before = this.#since.get(id);
    if (before?.reached === reached) return;
    this.#since.set(id, { reached, at: now });
    if (reached) this.#reachedSince.set(id, now);
  }

  #reaches(owner: Machine, id: string): boolean {
    const { network } = this.#world;
    const one = this.#world.host(id);
    return one?.well === true && network.open(owner.id, id) && network.open(id, owner.id);
  }
}
