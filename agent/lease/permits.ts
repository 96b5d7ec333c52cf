import { seconds } from './audit.ts';
import type { Member } from './member.ts';
import type { LeaseRecord } from './record.ts';
import { sharesDisks } from './transitions.ts';

/**
 * What the owner lets the guard allow. A live permission wakes nothing by itself; `resumed` does, and is written only by
 * `standing` and `until` when they are told that the frozen guest may go on (rule *thaw*).
 */
export class Permits {
  readonly #member: Member;
  /** Guard mode: the guest runs only until a deadline. On from before arming until disarming is confirmed (M). */
  guarded = false;
  /** The guest is being given away: no permission until that is settled. */
  giving = false;
  #resumed: number | null = null;

  constructor(member: Member) {
    this.#member = member;
  }

  /** Nothing this life has written lets the guest run now. */
  lapsed(): boolean {
    const { permission, parts } = this.#member;
    return permission === null || (permission.kind === 'deadline' && permission.ms <= parts.now());
  }

  /** Unarmed and known to be: the guest runs without a lease. */
  standing(record: LeaseRecord, resume = false): void {
    this.guarded = false;
    this.giving = false;
    this.#resume(resume);
    const why = 'the machine may run without a lease: the pair is not armed';
    this.#member.permit({ kind: 'standing', epoch: record.epoch, ...this.#order() }, why);
  }

  until(record: LeaseRecord, ms: number, resume = false): void {
    this.#resume(resume);
    const why = 'the machine may run while the lease is renewed';
    this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms, ...this.#order() }, why);
  }

  /** Stopped at once, never killed by it. */
  stop(record: LeaseRecord, why: string): void {
    this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: 0 }, why);
  }

  /** When the frozen guest was last told to go on; null in a life that never did. */
  get resumedMsAgo(): number | null {
    return this.#resumed === null ? null : this.#member.parts.now() - this.#resumed;
  }

  /** The deadline that was written has passed. */
  tellLapse(record: LeaseRecord): void {
    const { permission, changes, parts } = this.#member;
    const over =
      this.guarded && permission?.kind === 'deadline' && permission.ms > 0 && permission.ms <= parts.now();
    if (over) {
      changes.tell('lease-lapsed', String(record.epoch.n), 'lease ran out; the machine is stopped', {
        since: seconds(parts.now() - permission.ms),
      });
    } else changes.over('lease-lapsed');
  }

  /**
   * On shared disks a frozen process keeps their locks, and with them the other host from starting. It goes as soon as the voters
   * may have given the lease to somebody else: until then it may still be thawed.
   */
  endOnShared(record: LeaseRecord): boolean {
    const { permission, parts } = this.#member;
    if (!this.guarded || !sharesDisks(record) || permission?.kind !== 'deadline' || permission.ms === 0)
      return false;
    const { holdMs, leaseMs } = parts.timing;
    if (parts.site.guest() === 'none' || parts.now() < permission.ms + holdMs - leaseMs) return false;
    const why = 'its lease ran out and others may hold it: its process must not keep the shared disks';
    this.#member.permit({ kind: 'ended', epoch: record.epoch }, why);
    return true;
  }

  #resume(resume: boolean): void {
    if (!resume) return;
    this.#resumed = this.#member.parts.now();
    this.#member.parts.audit('frozen-may-go-on', 'what the guard had stopped may go on');
  }

  /** Kept in later lines: it excuses only stops made before that instant, and the guard may miss a line (FORMAT.md). */
  #order(): { resumed?: number } {
    return this.#resumed === null ? {} : { resumed: this.#resumed };
  }
}
