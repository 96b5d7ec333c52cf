import type { ProtectedFleet } from '../lab/protected-fleet.ts';
import { type Acknowledged, Recorder, type Verdict } from '../lab/recorder.ts';
import { unforgiven, type Window } from './verdict.ts';

/** How it writes: so often at most (ms), and so many new records before old ones are written anew. */
interface Pace {
  intervalMs: number;
  fresh: number;
}

export interface Judged {
  acked: number;
  missing: number;
  /** Acknowledged records that went with a failover to a point, as was shown beforehand. */
  forgiven: number;
  examples: number[];
  /** Of all parts, by time. */
  acknowledged: Acknowledged[];
}

/**
 * What writes to one machine all the while, and remembers every acknowledgement. A failover to a point loses the newest of
 * them, and the machine gives their numbers again: a new part begins with it.
 */
export class Client {
  readonly machine: string;
  readonly #fleet: ProtectedFleet;
  readonly #pace: Pace;
  readonly #parts: Recorder[] = [];
  readonly #forgiven: Window[] = [];
  #current: Recorder;

  private constructor(fleet: ProtectedFleet, machine: string, pace: Pace, first: Recorder) {
    this.#fleet = fleet;
    this.machine = machine;
    this.#pace = pace;
    this.#current = first;
    this.#parts.push(first);
  }

  static async start(fleet: ProtectedFleet, machine: string, pace: Pace): Promise<Client> {
    const first = await Recorder.start(fleet.lab, machine, pace.intervalMs, pace.fresh);
    return new Client(fleet, machine, pace, first);
  }

  get acked(): number {
    return this.#parts.reduce((sum, { acked }) => sum + acked, 0);
  }

  waitForMore(count: number, timeoutMs: number): Promise<void> {
    return this.#current.waitForMore(count, timeoutMs);
  }

  /**
   * A person starts the machine from a point: what was acknowledged in `lost` may be gone afterwards, when the order succeeds.
   * Nothing is written while it is carried out.
   */
  async during(lost: Window, order: () => Promise<boolean>): Promise<void> {
    await this.#current.stop();
    try {
      if (await order()) this.#forgiven.push(lost);
    } finally {
      const { intervalMs, fresh } = this.#pace;
      this.#current = await Recorder.start(this.#fleet.lab, this.machine, intervalMs, fresh);
      this.#parts.push(this.#current);
    }
  }

  stop(): Promise<void> {
    return this.#current.stop();
  }

  /** Asks the machine, wherever it runs now, for everything. Rejects when it cannot be asked. */
  async judge(): Promise<Judged> {
    const judged: Judged = { acked: 0, missing: 0, forgiven: 0, examples: [], acknowledged: [] };
    for (const part of this.#parts) {
      const acknowledged = await part.acknowledged();
      if (acknowledged.length === 0) continue;
      judged.acknowledged.push(...acknowledged);
      this.#add(judged, acknowledged, await part.verify());
    }
    return judged;
  }

  #add(judged: Judged, acknowledged: Acknowledged[], { acked, lost }: Verdict): void {
    const over = unforgiven(lost, acknowledged, this.#forgiven);
    judged.acked += acked;
    judged.missing += over.length;
    judged.forgiven += lost.length - over.length;
    judged.examples.push(...over.slice(0, 5));
  }
}
