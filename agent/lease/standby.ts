import type { Member } from './member.ts';
import type { LeaseRecord } from './record.ts';
import { noSuccession, takeBack, takeOver } from './transitions.ts';

/** How many T a former owner waits for the other to begin before it takes back. */
const PATIENCE = 3;

/** What the other member does: keeps the copy, steps in when the lease has run out, takes back what never began. */
export class Standby {
  readonly #member: Member;
  #unbegun: { epoch: number; since: number } | null = null;
  #asking = false;
  #askedAt = 0;
  #askAgainAt = Number.NEGATIVE_INFINITY;

  constructor(member: Member) {
    this.#member = member;
  }

  look(record: LeaseRecord, known: boolean): void {
    this.#stopOwnGuest(record, known);
    if (!known) {
      this.#settle(record);
      return;
    }
    if (!record.begun) {
      this.#waitForBegin(record);
      return;
    }
    this.#unbegun = null;
    const { site } = this.#member.parts;
    if (site.guest() === 'none' && record.owner !== this.#member.parts.self) site.openExport();
    this.#stepIn(record);
  }

  /** A candidate's lease was granted: it permits this one swap, and is written to no file (M/R). */
  elected(): void {
    const { self, site, rules } = this.#member.parts;
    this.#asking = false;
    this.#member.swap(takeOver(self, site.wall(), rules), 'take over', () => undefined);
  }

  /** Superseded: stopped at once; killed only after a majority said that the other began, and never if forced (M/R). */
  #stopOwnGuest(record: LeaseRecord, known: boolean): void {
    const { site } = this.#member.parts;
    if (site.guest() === 'none') return;
    if (known && record.begun && !record.forced) {
      site.quarantine();
      this.#member.permit({ kind: 'ended', epoch: record.epoch });
    } else this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: 0 });
  }

  #waitForBegin(record: LeaseRecord): void {
    const { self, timing, now } = this.#member.parts;
    if (record.former !== self) return;
    if (this.#unbegun?.epoch !== record.epoch.n) this.#unbegun = { epoch: record.epoch.n, since: now() };
    if (now() - this.#unbegun.since >= PATIENCE * timing.leaseMs) this.#takeBack();
  }

  #takeBack(): void {
    const { self, site, rules } = this.#member.parts;
    if (rules.takeBack) this.#member.swap(takeBack(self, site.wall()), 'take back', () => undefined);
  }

  /** A record that could not be settled: the other's takeover that never got through is taken back. */
  #settle(_record: LeaseRecord): void {
    const found = this.#member.unsettled;
    if (found !== null && found.former === this.#member.parts.self && !found.begun) this.#takeBack();
  }

  #stepIn(record: LeaseRecord): void {
    const { self, rules, site, voter, lease, timing, now } = this.#member.parts;
    if (noSuccession(record, self, rules) !== null || record.policy !== 'automatic') return;
    if (record.paused || record.maintenance !== null || !site.canHost() || this.#member.busy) return;
    const at = now();
    if (this.#asking && at - this.#askedAt >= timing.leaseMs / 4) {
      // Two who each hold their own grant would block each other for ever while the third voter is away.
      this.#asking = false;
      this.#askAgainAt = at + (0.25 + this.#member.parts.random()) * timing.leaseMs;
      lease.giveUp();
    }
    const holder = voter.grants.holder(at);
    if (this.#asking || at < this.#askAgainAt || holder === record.owner || voter.grants.silent(at)) return;
    this.#asking = true;
    this.#askedAt = at;
    lease.ask(true);
  }
}
