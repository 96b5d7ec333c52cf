import type { Clock } from '../ports.ts';

/** Long enough for a newcomer: it holds the record, and keeps its silence, before the swap that makes it a voter. */
const STAYS_MS = 60_000;

interface OutsiderPorts {
  clock: Pick<Clock, 'setTimeout'>;
  /** Neither member nor voter, by the newest record known here. */
  isOutside(pairId: string): boolean;
  end(pairId: string): void;
}

/** Votes here that nobody counts any more: one that was away when another witness was chosen keeps nothing. */
export class Outsiders {
  readonly #ports: OutsiderPorts;
  readonly #timers = new Map<string, { cancel(): void }>();

  constructor(ports: OutsiderPorts) {
    this.#ports = ports;
  }

  /** Something was learnt of the pair: the wait begins anew. */
  look(pairId: string): void {
    this.#timers.get(pairId)?.cancel();
    this.#timers.delete(pairId);
    if (!this.#ports.isOutside(pairId)) return;
    const over = (): void => {
      this.#timers.delete(pairId);
      if (this.#ports.isOutside(pairId)) this.#ports.end(pairId);
    };
    this.#timers.set(pairId, this.#ports.clock.setTimeout(over, STAYS_MS));
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
