import type { LeaseRecord } from './record.ts';
import { CONTRACT, type Rules } from './rules.ts';
import { holdOf, type Timing } from './timing.ts';
import { noSuccession } from './transitions.ts';

/** Why a lease is not granted; null when it is. */
export type Denial = 'silent' | 'held-by-other' | 'no-record' | 'paused' | string;

/**
 * The voter's side of the lease (PaxosLease: Trencseni, Gazso, Reinhardt, 2012): at most one live grant, volatile,
 * counted from receipt on this voter's boot-time clock. After a start nobody remembers what was granted before, hence
 * the silence to all but the recorded owner (M).
 */
export class Grants {
  readonly #timing: Timing;
  readonly #rules: Rules;
  readonly #silentUntil: number;
  #holder: string | null = null;
  #grantId = 0;
  #until = Number.NEGATIVE_INFINITY;

  /** `startedAt`: boot-time clock at this voter's start; null for one that has never granted anything. */
  constructor(timing: Timing, startedAt: number | null, rules: Rules = CONTRACT) {
    this.#timing = timing;
    this.#rules = rules;
    const silence = startedAt !== null && rules.restartSilence;
    this.#silentUntil = silence ? startedAt + holdOf(timing, rules) : Number.NEGATIVE_INFINITY;
  }

  /** Who holds a live grant. At `until` itself it is still held: equality is a counterexample (M). */
  holder(now: number): string | null {
    return now <= this.#until ? this.#holder : null;
  }

  /** When the live grant of somebody else ends; null without one. */
  endsAt(self: string, now: number): number | null {
    return this.holder(now) === null || this.#holder === self ? null : this.#until;
  }

  silent(now: number): boolean {
    return now <= this.#silentUntil;
  }

  /** Decides about a request received at `now`, by the newest record this voter holds. */
  request(
    from: string,
    id: number,
    candidate: boolean,
    record: LeaseRecord | null,
    now: number,
  ): Denial | null {
    const denial = this.#denial(from, candidate, record, now);
    if (denial !== null) return denial;
    this.#holder = from;
    this.#grantId = id;
    this.#until = now + holdOf(this.#timing, this.#rules);
    return null;
  }

  /** Given back up to request `id`; one that was overtaken by a later request frees nothing. */
  release(from: string, id: number): void {
    if (this.#holder === from && id >= this.#grantId) this.#until = Number.NEGATIVE_INFINITY;
  }

  #denial(from: string, candidate: boolean, record: LeaseRecord | null, now: number): Denial | null {
    if (record === null) return 'no-record';
    const holder = this.holder(now);
    if (holder !== null && holder !== from) return 'held-by-other';
    if (record.owner === from) return null;
    if (this.silent(now)) return 'silent';
    if (!candidate) return 'not-the-owner';
    if (record.policy !== 'automatic' || record.paused || record.maintenance !== null) return 'paused';
    return noSuccession(record, from, this.#rules);
  }
}
