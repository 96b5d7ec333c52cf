import type { Audit } from './audit.ts';
import type { Body } from './messages.ts';
import type { OwnerLease } from './owner-lease.ts';
import type { LeaseRecord } from './record.ts';
import { MAX_HOLD_ON_MS, type Timing } from './timing.ts';

export interface CourtesyParts {
  self: string;
  timing: Timing;
  now(): number;
  record(): LeaseRecord | null;
  send(to: string, body: Body): void;
  lease: OwnerLease;
  audit: Audit;
}

/** How many T a longer lease is asked for before the asker is told that it did not get one. */
const PATIENCE = 2;
/** Who said goodbye and is still there after so long stays after all. */
const LEAVING_MS = 60_000;
/** A gap in its own clockwork from which a voter that said goodbye knows that it has slept, and is back. */
const SLEPT_MS = 5_000;

/** What a node says before it goes away on purpose: a witness its goodbye, an owner's agent that it will be back. */
export class Courtesies {
  readonly #parts: CourtesyParts;
  #leaving: (() => void)[] | null = null;
  #beatAt: number;
  #leavingSince = 0;
  #staysSince = Number.NEGATIVE_INFINITY;
  #said = 0;
  #holdOn: { ms: number; since: number; done: (held: boolean) => void } | null = null;

  constructor(parts: CourtesyParts) {
    this.#parts = parts;
    this.#beatAt = parts.now();
  }

  /** What to ask a lease of; undefined: T, as always. */
  get leaseMs(): number | undefined {
    return this.#holdOn?.ms;
  }

  goodbye(leaving: boolean, done: () => void): void {
    if (leaving && this.#leaving === null) this.#leavingSince = this.#parts.now();
    if (leaving) this.#leaving = [...(this.#leaving ?? []), done];
    else {
      this.#leaving = null;
      this.#staysSince = this.#parts.now();
    }
    this.#parts.audit(leaving ? 'goodbye' : 'stays', leaving ? 'says that it leaves' : 'stays after all');
    this.#say(leaving);
    this.look();
    if (!leaving) done();
  }

  /** `disarms`: the owner is about to commit that instead, which is as good. */
  holdOn(ms: number, done: (held: boolean) => void, disarms = false): void {
    const { self, timing, now, lease, audit } = this.#parts;
    const record = this.#parts.record();
    this.#holdOn?.done(false);
    this.#holdOn = null;
    if (record === null || record.owner !== self || !record.armed) {
      done(true);
      return;
    }
    const asked = Math.max(timing.leaseMs, Math.min(ms, MAX_HOLD_ON_MS));
    this.#holdOn = { ms: asked, since: now(), done };
    if (disarms) return;
    audit('hold-on', `asks for a lease of ${Math.round(asked / 1000)} s: its agent is to be replaced`);
    lease.ask(false, asked);
  }

  /** A lease was granted. */
  live(candidate: boolean, until: number): void {
    const held = this.#holdOn;
    if (held === null || candidate) return;
    // Less than what was asked for is left because it counts from the sending.
    if (until - this.#parts.now() < held.ms - this.#parts.timing.leaseMs / 3) return;
    this.#holdOn = null;
    held.done(true);
  }

  look(): void {
    const { record, timing, now } = this.#parts;
    const held = this.#holdOn;
    const unarmed = record()?.armed !== true;
    if (held !== null && (unarmed || now() - held.since > PATIENCE * timing.leaseMs)) {
      this.#holdOn = null;
      held.done(unarmed);
    }
    if (this.#leaving === null || this.#leaving.length === 0 || !unarmed) return;
    const waiting = this.#leaving;
    this.#leaving = [];
    for (const done of waiting) done();
  }

  /** Every T / 3: a goodbye may be lost, and an owner that has not heard it would arm again. */
  beat(): void {
    const { now, timing } = this.#parts;
    const slept = now() - this.#beatAt > timing.leaseMs + SLEPT_MS;
    this.#beatAt = now();
    const stays = slept || now() - this.#leavingSince > LEAVING_MS;
    if (this.#leaving !== null && stays) this.goodbye(false, () => undefined);
    // That it stays may be lost as well.
    if (this.#leaving !== null) this.#say(true);
    else if (now() - this.#staysSince < LEAVING_MS) this.#say(false);
  }

  #say(leaving: boolean): void {
    const { record, self, send } = this.#parts;
    this.#said += 1;
    const body = { kind: 'goodbye', id: this.#said, leaving } as const;
    for (const member of record()?.members ?? []) if (member !== self) send(member, body);
  }
}
