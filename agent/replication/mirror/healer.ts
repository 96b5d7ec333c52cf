import type { Clock } from '../../ports.ts';
import type { Result } from '../../protocol/index.ts';

export interface HealerPorts {
  clock: Clock;
  /** Whether the stream is held and somebody still wants it back. */
  held(): boolean;
  /** The forwarder itself started anew: nothing is known to be wrong with the standby. */
  restarted(): boolean;
  /** Asks the forwarder to connect the stream anew. */
  resume(): Promise<Result<unknown>>;
  /** Says that the writes wait. */
  report(): void;
}

const PAUSE_MS = 500;
/**
 * How long a break may last before it is reported. A report ends in `stale` and a new full copy, and until then the guest
 * waits: a standby that was already silent for its deadline (400 ms) gets no more than a moment; a forwarder that has
 * started anew has to connect first.
 */
const GRACE_MS = { lost: 30, restarted: 1_000 } as const;

/** Brings a held stream back: what QEMU waits for is then sent again, and no copy is needed. */
export class Healer {
  readonly #ports: HealerPorts;
  #busy = false;

  constructor(ports: HealerPorts) {
    this.#ports = ports;
  }

  async heal(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const graceMs = this.#ports.restarted() ? GRACE_MS.restarted : GRACE_MS.lost;
    const grace = this.#ports.clock.setTimeout(() => this.#report(), graceMs);
    while (this.#ports.held()) {
      const resumed = await this.#ports.resume();
      if (resumed.ok) break;
      this.#report();
      await new Promise<void>((done) => this.#ports.clock.setTimeout(done, PAUSE_MS));
    }
    grace.cancel();
    this.#busy = false;
  }

  #report(): void {
    if (this.#ports.held()) this.#ports.report();
  }
}
