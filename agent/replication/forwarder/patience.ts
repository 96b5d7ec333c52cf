import type { Request } from './nbd-wire.ts';

/** How often within the patience the oldest write is looked at: it is exceeded by a quarter at the most. */
const LOOKS = 4;

interface Waiting {
  /** The oldest write that the standby has not answered; null without one. */
  readonly oldest: Request | null;
}

/**
 * How long a write may wait for the standby before the guest goes on without it. By looking now and then: nothing is done for
 * a write that is answered in time.
 */
export class Patience {
  readonly #disks: readonly (Waiting & { name: string })[];
  readonly #exceeded: (disk: string, ms: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #seen = new Map<string, { request: Request; looks: number }>();
  #ms: number | null = null;

  /** @param exceeded told the disk and what was allowed, ms, at each look at a write that waits longer */
  constructor(disks: readonly (Waiting & { name: string })[], exceeded: (disk: string, ms: number) => void) {
    this.#disks = disks;
    this.#exceeded = exceeded;
  }

  get ms(): number | null {
    return this.#ms;
  }

  /** Null: for ever. */
  set(ms: number | null): void {
    if (ms === this.#ms) return;
    this.stop();
    this.#ms = ms;
    if (ms !== null) this.#timer = setInterval(() => this.#look(ms), ms / LOOKS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    this.#ms = null;
    this.#seen.clear();
  }

  #look(ms: number): void {
    for (const { name, oldest } of this.#disks) {
      const seen = this.#seen.get(name);
      if (!oldest) this.#seen.delete(name);
      else if (seen?.request !== oldest) this.#seen.set(name, { request: oldest, looks: 0 });
      else {
        seen.looks += 1;
        if (seen.looks >= LOOKS) this.#exceeded(name, ms);
      }
    }
  }
}
