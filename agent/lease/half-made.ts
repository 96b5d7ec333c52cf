import type { Member } from './member.ts';
import type { LeaseRecord } from './record.ts';
import { takeBack } from './transitions.ts';

/** How many T a former owner waits for the other to begin before it takes back. */
export const PATIENCE = 3;

/**
 * An owner that finds the other's takeover at a voter, perhaps chosen and perhaps not. It cannot carry it through, since
 * only the candidate's lease allows that; so it stands back for a while and then takes back what never began.
 */
export class HalfMade {
  readonly #member: Member;
  #since: { epoch: number; at: number } | null = null;

  constructor(member: Member) {
    this.#member = member;
  }

  /**
   * Its lease is over, and its own vote must not keep anybody from carrying the takeover through while the third voter
   * is away (found by the simulator, seed 20933).
   */
  yields(): boolean {
    const { parts, changes } = this.#member;
    const found = this.#found();
    if (found === null || parts.lease.until(false) > parts.now()) return false;
    changes.tell('yields', String(found.epoch.n), `stands back: the takeover of ${found.owner} is half made`);
    return true;
  }

  /** The other may be gone for good before it began (seed 963). */
  look(): void {
    const { self, site, rules, now, timing } = this.#member.parts;
    const found = this.#found();
    if (found === null) return;
    if (this.#since?.epoch !== found.epoch.n) this.#since = { epoch: found.epoch.n, at: now() };
    if (!rules.takeBack || now() - this.#since.at < PATIENCE * timing.leaseMs) return;
    const text = (after: LeaseRecord): string =>
      `takes back what the other host never began: epoch ${after.epoch.n}`;
    this.#member.swap(takeBack(self, site.wall()), { event: 'take-back', text }, () => undefined);
  }

  settled(): void {
    this.#since = null;
  }

  #found(): LeaseRecord | null {
    const { unsettled, parts } = this.#member;
    const theirs = unsettled?.change === 'takeover' && !unsettled.begun && unsettled.former === parts.self;
    return theirs ? unsettled : null;
  }
}
