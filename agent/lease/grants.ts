import type { LeaseRecord } from './record.ts';
import { CONTRACT, type Rules } from './rules.ts';
import { holdOf, MAX_LEASE_MS, type Timing } from './timing.ts';
import { isAutomatic, noSuccession } from './transitions.ts';

/** Why a lease is not granted; null when it is. */
export type Denial = 'silent' | 'held-by-other' | 'no-record' | 'paused' | string;

export interface LeaseRequest {
  from: string;
  id: number;
  candidate: boolean;
  /** What the asker counts from its sending. */
  leaseMs: number;
}

/**
 * The voter's side of the lease (PaxosLease: Trencseni, Gazso, Reinhardt, 2012): at most one live grant, volatile,
 * counted from receipt on this voter's boot-time clock. After a start nobody remembers what was granted before, hence
 * the silence to all but the recorded owner (M).
 */
export class Grants {
  readonly #timing: Timing;
  readonly #rules: Rules;
  /** Boot-time clock at the start of a voter that may have forgotten grants. */
  readonly #startedAt: number | null;
  readonly #forgottenMs: number;
  #holder: string | null = null;
  #grantId = 0;
  #until = Number.NEGATIVE_INFINITY;
  #grantedAt = Number.NEGATIVE_INFINITY;
  /** Longest hold granted in this life that may be alive. */
  #longest = { holdMs: 0, until: Number.NEGATIVE_INFINITY };

  /**
   * `startedAt`: boot-time clock at this voter's start; null for one that has never granted anything. `forgottenMs`: the
   * longest hold its former life may have granted.
   */
  constructor(timing: Timing, startedAt: number | null, rules: Rules = CONTRACT, forgottenMs = 0) {
    this.#timing = timing;
    this.#rules = rules;
    this.#startedAt = rules.restartSilence ? startedAt : null;
    this.#forgottenMs = forgottenMs;
  }

  /** Who holds a live grant. At `until` itself it is still held: equality is a counterexample (M). */
  holder(now: number): string | null {
    return now <= this.#until ? this.#holder : null;
  }

  /** How long this vote is still given away; null when it is free. */
  heldMs(now: number): number | null {
    return this.holder(now) === null ? null : this.#until - now;
  }

  /** Time since the last grant; null when none was made in this life. */
  heardMsAgo(now: number): number | null {
    return this.#grantedAt === Number.NEGATIVE_INFINITY ? null : now - this.#grantedAt;
  }

  /** When the live grant of somebody else ends; null without one. */
  endsAt(self: string, now: number): number | null {
    return this.holder(now) === null || this.#holder === self ? null : this.#until;
  }

  silent(now: number): boolean {
    if (this.#startedAt === null) return false;
    return now <= this.#startedAt + Math.max(holdOf(this.#timing, this.#rules), this.#forgottenMs);
  }

  /** Longest hold that a restart at `now` would have to wait out. */
  longestHoldMs(now: number): number {
    const forgotten = this.silent(now) ? this.#forgottenMs : 0;
    return Math.max(forgotten, now <= this.#longest.until ? this.#longest.holdMs : 0);
  }

  /** Decides about a request received at `now`, by the newest record this voter holds. */
  request(asked: LeaseRequest, record: LeaseRecord | null, now: number): Denial | null {
    const { from, id, candidate, leaseMs } = asked;
    const denial = leaseMs > MAX_LEASE_MS ? 'too-long' : this.#denial(from, candidate, record, now);
    if (denial !== null) return denial;
    const holdMs = holdOf(this.#timing, this.#rules, leaseMs);
    const until = now + holdMs;
    // A longer lease granted before is not over because a shorter one was granted after it.
    this.#until = this.#holder === from ? Math.max(this.#until, until) : until;
    this.#holder = from;
    this.#grantId = id;
    this.#grantedAt = now;
    const alive = now <= this.#longest.until ? this.#longest.holdMs : 0;
    if (holdMs >= alive) this.#longest = { holdMs, until };
    return null;
  }

  /** Given back up to request `id`; one that was overtaken by a later request frees nothing. */
  release(from: string, id: number): void {
    if (this.#holder !== from || id < this.#grantId) return;
    this.#until = Number.NEGATIVE_INFINITY;
    this.#holder = null;
  }

  #denial(from: string, candidate: boolean, record: LeaseRecord | null, now: number): Denial | null {
    if (record === null) return 'no-record';
    const holder = this.holder(now);
    if (holder !== null && holder !== from) return 'held-by-other';
    if (record.owner === from) return null;
    if (this.silent(now)) return 'silent';
    if (!candidate) return 'not-the-owner';
    if (!isAutomatic(record)) return 'paused';
    return noSuccession(record, from, this.#rules);
  }
}
