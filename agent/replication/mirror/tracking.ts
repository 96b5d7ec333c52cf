import type { Clock } from '../../ports.ts';
import type { Changes, Device } from './change-layer.ts';
import { Tracker, type TrackerPorts } from './tracker.ts';

export interface TrackingPorts extends Pick<TrackerPorts, 'jobs' | 'flowing'> {
  changes: Changes;
  clock: Clock;
  /** The mirror is in sync, and stays. */
  inSync(): boolean;
  over(): boolean;
  /** In turn with whatever else is done to the mirror; a failure is only noted. */
  inTurn(work: () => Promise<void>): Promise<void>;
  /** The bitmaps can be relied on from here on: made durable. */
  proven(): Promise<void>;
}

/**
 * How often the bitmaps are replaced, ms: what was written since then is sent again after a break. A guest that writes
 * nothing is looked at less and less often.
 */
const PERIOD_MS = 5_000;
const LONGEST_MS = 20_000;

/** Keeps a mirror's bitmaps small as long as it is in sync, so that after a break little is sent. */
export class Tracking {
  readonly #tracker: Tracker;
  readonly #ports: TrackingPorts;
  #timer: { cancel(): void } | null = null;
  #periodMs = PERIOD_MS;

  constructor(pairId: string, generation: string, devices: Device[], ports: TrackingPorts) {
    this.#ports = ports;
    this.#tracker = new Tracker(pairId, generation, devices, ports);
  }

  start(): void {
    const { clock, over, inTurn } = this.#ports;
    if (over()) return;
    this.#timer = clock.setTimeout(() => {
      void inTurn(() => this.#once()).finally(() => this.start());
    }, this.#periodMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #once(): Promise<void> {
    const { inSync, over, proven } = this.#ports;
    if (over() || !inSync()) return;
    if (await this.#tracker.turn()) await proven();
    this.#periodMs = this.#tracker.idle ? Math.min(this.#periodMs * 2, LONGEST_MS) : PERIOD_MS;
  }
}
