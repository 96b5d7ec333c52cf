import type { RiskSample } from '../protocol/index.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
/** A day of minutes, 90 days of hours. */
export const MINUTES_KEPT = 24 * 60;
export const HOURS_KEPT = 90 * 24;

/** The worse of two for each figure; no copy at all (null seconds) is worse than any time, a known size more than none. */
export function worse(a: Omit<RiskSample, 'at'>, b: Omit<RiskSample, 'at'>): Omit<RiskSample, 'at'> {
  const seconds = a.seconds === null || b.seconds === null ? null : Math.max(a.seconds, b.seconds);
  const bytes = a.bytes === null || b.bytes === null ? (a.bytes ?? b.bytes) : Math.max(a.bytes, b.bytes);
  return { seconds, bytes };
}

/** The worst of each slot of time, for as many slots as are kept before the newest. Slots that nobody watched are missing. */
export class RiskRing {
  readonly #slotMs: number;
  readonly #kept: number;
  #samples: RiskSample[] = [];

  constructor(slotMs: number, kept: number) {
    this.#slotMs = slotMs;
    this.#kept = kept;
  }

  /** Oldest first. */
  get samples(): readonly RiskSample[] {
    return this.#samples;
  }

  /** A clock that was set back adds to slots that are there already. */
  add(sample: RiskSample): void {
    const at = Math.floor(sample.at / this.#slotMs) * this.#slotMs;
    const place = this.#samples.findLastIndex((one) => one.at <= at);
    const before = this.#samples[place];
    if (before?.at === at) this.#samples[place] = { at, ...worse(before, sample) };
    else this.#samples.splice(place + 1, 0, { ...sample, at });
    const newest = this.#samples.at(-1)?.at ?? at;
    const oldest = newest - (this.#kept - 1) * this.#slotMs;
    const first = this.#samples.findIndex((one) => one.at >= oldest);
    if (first > 0) this.#samples.splice(0, first);
  }
}
