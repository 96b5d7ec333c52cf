import type { Member } from './member.ts';
import type { LeaseRecord } from './record.ts';
import { disarmAfterMs } from './timing.ts';
import { arm, begin, disarm, handOver, mayArm, replicaBecomes } from './transitions.ts';

/** Restarts in place of a guest whose QEMU ended by itself, before it is handed to the standby instead. */
const RESTARTS = 3;
const RESTART_WINDOW_MS = 10 * 60_000;

/**
 * What the owner does, looked at afresh at every event: it acts on the record as known and on its own host, never on
 * where it believes to be in a sequence, so that a crash between any two steps is nothing special.
 */
export class Owner {
  readonly #member: Member;
  /** Guard mode: the guest runs only until a deadline. On from before arming until disarming is confirmed (M). */
  #guarded = false;
  /** Boot-time clock since when another voter has been missing. */
  #missingSince: number | null = null;
  #standbyRead = false;
  #starting = false;
  #closing = false;
  #starts: number[] = [];
  #handOverAsked = false;
  /** The guest is being given away: no permission until that is settled. */
  #giving = false;

  constructor(member: Member) {
    this.#member = member;
  }

  /** Orders of the console. */
  askHandOver(): void {
    this.#handOverAsked = true;
  }

  /** The standby's own record was read: needed by an unarmed owner after a boot (R). */
  sawStandby(): void {
    this.#standbyRead = true;
  }

  /** Whether the lease is wanted: armed, about to be, or not yet known not to be. */
  wantsLease(record: LeaseRecord): boolean {
    return record.begun && (record.armed || this.#guarded || this.#readyToArm(record));
  }

  /** The lease was renewed: the deadline goes on, unless it had run out (rule *thaw*). */
  renewed(record: LeaseRecord, until: number): void {
    const { site, rules } = this.#member.parts;
    const lapsed = this.#lapsed();
    if (!record.begun || site.guest() === 'none' || this.#giving) return;
    if (lapsed && rules.staleBeforeThaw && site.mirror() !== 'whole') return;
    if (record.armed) this.#guarded = true;
    if (this.#guarded) this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: until });
  }

  look(record: LeaseRecord, known: boolean): void {
    if (record.armed) this.#guarded = true;
    if (!known) return;
    // Nothing is in doubt and the record is still this owner's: the hand-over did not happen.
    if (this.#giving && !this.#handOverAsked && !this.#member.busy) this.#giving = false;
    const guest = this.#member.parts.site.guest();
    if (!record.begun) this.#begin(record);
    else if (guest === 'none') this.#start(record);
    else if (guest === 'paused') this.#continue(record);
    else if (record.armed) this.#armed(record);
    else this.#unarmed(record);
  }

  #lapsed(): boolean {
    const { permission, parts } = this.#member;
    return permission === null || (permission.kind === 'deadline' && permission.ms <= parts.now());
  }

  /** Export closed first (M), then `begun`, then the first instruction. */
  #begin(record: LeaseRecord): void {
    const { site, rules, self } = this.#member.parts;
    if (rules.closeExport && site.exportOpen()) {
      if (this.#closing) return;
      this.#closing = true;
      site.closeExport(() => {
        this.#closing = false;
        this.#member.parts.again();
      });
      return;
    }
    // A former owner that took back has its guest still; anybody else starts QEMU first, so that a start that fails
    // leaves an epoch that has not begun.
    if (site.guest() === 'none') {
      this.#boot(record);
      return;
    }
    this.#member.swap(begin(record.epoch.n, self, rules), 'begun', () => undefined);
  }

  /** QEMU with the guest paused, under a permission of this epoch. */
  #boot(record: LeaseRecord): void {
    const { site, now, timing } = this.#member.parts;
    const last = this.#starts.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (this.#starting || !site.canHost() || now() - last < timing.leaseMs / 2) return;
    if (!record.armed || !record.begun) this.#standing(record);
    this.#starting = true;
    this.#starts.push(now());
    site.startGuest(() => {
      this.#starting = false;
      this.#member.parts.again();
    });
  }

  #continue(record: LeaseRecord): void {
    if (!record.armed) this.#standing(record);
    if (!this.#lapsed()) this.#member.parts.site.continueGuest();
  }

  #start(record: LeaseRecord): void {
    const { site, rules } = this.#member.parts;
    if (!record.armed && site.booted && !this.#standbyRead && record.change !== 'takeover') return;
    if (record.armed && record.replica.state === 'in-sync' && this.#worn()) {
      this.#give(record);
      return;
    }
    if (rules.staleBeforeStart && (record.armed || record.replica.state === 'in-sync')) {
      this.#stale(record);
      return;
    }
    if (record.armed) {
      const until = this.#member.parts.lease.until(false);
      if (until <= this.#member.parts.now()) return;
      this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: until });
    }
    this.#boot(record);
  }

  #worn(): boolean {
    const from = this.#member.parts.now() - RESTART_WINDOW_MS;
    this.#starts = this.#starts.filter((at) => at > from);
    return this.#starts.length >= RESTARTS;
  }

  #armed(record: LeaseRecord): void {
    const { site, rules, self } = this.#member.parts;
    if (this.#handOverAsked) {
      this.#give(record);
      return;
    }
    if (site.mirror() !== 'whole') {
      if (!rules.releaseRecorded) site.releaseMirror();
      this.#stale(record);
      return;
    }
    if (!mayArm(record) || this.#missingTooLong(record)) {
      this.#member.swap(disarm(record.epoch.n, self, rules), 'disarm', () => undefined);
    }
  }

  #unarmed(record: LeaseRecord): void {
    const { site, rules, self, timing } = this.#member.parts;
    if (this.#handOverAsked && record.replica.state === 'in-sync') {
      this.#give(record);
      return;
    }
    const mirror = site.mirror();
    if (!this.#readyToArm(record)) this.#standing(record);
    if (mirror === 'held') site.releaseMirror();
    // An unarmed mirror may have been released without a record: that is put right before anything is copied.
    if (record.replica.state === 'in-sync' && mirror !== 'whole' && rules.completeCopy) {
      this.#stale(record);
      return;
    }
    if (mirror === 'off') site.startMirror();
    const whole = mirror === 'whole' || (!rules.completeCopy && mirror === 'copying');
    if (whole && record.replica.state !== 'in-sync') {
      const insync = replicaBecomes(record.epoch.n, self, 'in-sync', site.wall(), rules);
      this.#member.swap(insync, 'in-sync', () => undefined);
      return;
    }
    if (this.#readyToArm(record)) this.#arm(record, timing.leaseMs);
    else this.#missingSince = null;
  }

  /** Everything the record and this host must be before the guard is switched on for arming. */
  #readyToArm(record: LeaseRecord): boolean {
    const { site, rules } = this.#member.parts;
    const whole = site.mirror() === 'whole' || !rules.completeCopy;
    return mayArm(record) && whole && site.guest() === 'running' && site.guardFit() && !this.#handOverAsked;
  }

  /** Lease first, then the guard, then `armed: true` at every voter (M, R). */
  #arm(record: LeaseRecord, withinMs: number): void {
    const { self, rules, site, lease, now } = this.#member.parts;
    const present = record.voters.every((voter) => this.#member.holds(voter, withinMs));
    const live = lease.until(false) > now();
    if (!live || (rules.armEveryone && !present)) {
      this.#standing(record);
      return;
    }
    if (rules.guardFirst) {
      this.#guarded = true;
      this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: lease.until(false) });
      if (!site.guardOn(record.epoch.n)) return;
    }
    this.#missingSince = null;
    this.#member.swap(arm(record.epoch.n, self, rules), 'arm', () => undefined, rules.armEveryone);
  }

  /** Unarmed and known to be: the guest runs without a lease. */
  #standing(record: LeaseRecord): void {
    this.#guarded = false;
    this.#giving = false;
    this.#member.permit({ kind: 'standing', epoch: record.epoch });
  }

  /** Committed `stale` disarms; only then may held writes go on alone (M). */
  #stale(record: LeaseRecord): void {
    const { site, rules, self } = this.#member.parts;
    const stale = replicaBecomes(record.epoch.n, self, 'stale', site.wall(), rules);
    this.#member.swap(stale, 'stale', ({ record: after }) => {
      if (after.owner !== self || after.epoch.n !== record.epoch.n) return;
      if (site.guest() !== 'none') this.#standing(after);
      site.releaseMirror();
    });
  }

  /** Stopped first, mirror drained, then the swap (M); an unknown outcome counts as given away until read back. */
  #give(record: LeaseRecord): void {
    const { site, rules, self } = this.#member.parts;
    // Of a guest that is gone the copy is complete only if nothing could have been released unrecorded: while armed.
    const drained = site.mirror() === 'whole' || (record.armed && site.guest() === 'none');
    if (record.replica.state !== 'in-sync' || !drained) {
      this.#handOverAsked = false;
      this.#giving = false;
      return;
    }
    this.#giving = true;
    this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: 0 });
    if (site.guest() === 'running' || site.guest() === 'paused') return;
    this.#handOverAsked = false;
    this.#member.swap(handOver(record.epoch.n, self, site.wall(), rules), 'hand over', () => undefined);
  }

  #missingTooLong(record: LeaseRecord): boolean {
    const { self, timing, now } = this.#member.parts;
    const present = record.voters.every(
      (voter) => voter === self || this.#member.holds(voter, timing.leaseMs),
    );
    if (present) this.#missingSince = null;
    else this.#missingSince ??= now();
    return this.#missingSince !== null && now() - this.#missingSince > disarmAfterMs(timing);
  }
}
