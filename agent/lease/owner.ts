import { hindrances, Missing, nearlyArmed } from './arming.ts';
import { seconds } from './audit.ts';
import { Giving, type OrderDone } from './giving.ts';
import { HalfMade } from './half-made.ts';
import type { Member } from './member.ts';
import { Permits } from './permits.ts';
import type { LeaseRecord } from './record.ts';
import { Starting } from './starting.ts';
import {
  arm,
  confirm,
  disarm,
  endMaintenance,
  isAttended,
  isAutomatic,
  replicaBecomes,
} from './transitions.ts';

/**
 * What the owner does, looked at afresh at every event: it acts on the record as known and on its own host, never on
 * where it believes to be in a sequence, so that a crash between any two steps is nothing special.
 */
export class Owner {
  readonly #member: Member;
  readonly #permits: Permits;
  readonly #giving: Giving;
  readonly #starting: Starting;
  readonly #halfMade: HalfMade;
  readonly #missing = new Missing();
  #misses = 0;

  constructor(member: Member) {
    this.#member = member;
    this.#permits = new Permits(member);
    this.#giving = new Giving(member, this.#permits);
    this.#starting = new Starting(member, this.#permits);
    this.#halfMade = new HalfMade(member);
  }

  /** Orders of the console. */
  askHandOver(done: OrderDone): void {
    this.#giving.ask(done);
  }

  /** Its agent is to be replaced. True when it disarms because of that: a voter is away. */
  goesSoon(record: LeaseRecord): boolean {
    this.#missing.soon = true;
    return this.#missing.who(this.#member, record) !== undefined;
  }

  /** Not the owner, or not any more: nothing that was begun as one goes on. */
  rest(): void {
    this.#giving.cancel();
    this.#permits.guarded = false;
    this.#permits.giving = false;
    this.#misses = 0;
    this.#missing.reset();
  }

  /** The standby's own record was read: needed by an unarmed owner after a boot (R). */
  sawStandby(): void {
    this.#starting.sawStandby();
  }

  /** Why the guest is not started; null when it runs or is meant to be down. */
  get waiting(): string | null {
    return this.#starting.waiting;
  }

  /** Whether the lease is wanted: armed, about to be, or not yet known not to be. */
  wantsLease(record: LeaseRecord): boolean {
    return record.begun && (record.armed || this.#permits.guarded || this.#readyToArm(record));
  }

  /** Whether it gives its vote back instead of asking for the lease. */
  yields(): boolean {
    return this.#halfMade.yields();
  }

  /** The lease is about to be asked for again: tells what became of the last request. */
  asking(record: LeaseRecord): void {
    const { lease, now, audit } = this.#member.parts;
    const { missed } = lease;
    if (missed === null || !record.armed || !this.#permits.guarded) return;
    this.#misses += 1;
    const left = lease.until(false) - now();
    if (left <= 0) return;
    const denied = [...missed.denials].map(([voter, reason]) => `${voter}: ${reason}`).join(', ');
    const text = `did not get its lease renewed (${ordinal(this.#misses)} miss); ${seconds(left)} left`;
    audit('lease-missed', text, denied === '' ? {} : { denied });
  }

  /** The lease was renewed: the deadline goes on. What is frozen is not woken by it (rule *thaw*). */
  renewed(record: LeaseRecord, until: number): void {
    const { site, rules, audit, voter } = this.#member.parts;
    if (this.#misses > 0) audit('lease-renewed', `got its lease renewed again, after ${this.#misses} misses`);
    this.#misses = 0;
    if (!record.begun || site.guest() === 'none' || this.#permits.giving) return;
    // Something newer was accepted here: whether it is chosen has to be settled first (found by the model).
    const accepted = voter.state.accepted?.record;
    if (accepted !== undefined && accepted.owner !== record.owner) return;
    if (record.armed) this.#permits.guarded = true;
    const careless = !rules.staleBeforeThaw && site.guest() === 'stopped';
    if (this.#permits.guarded) this.#permits.until(record, until, careless);
  }

  look(record: LeaseRecord, known: boolean): void {
    const { site } = this.#member.parts;
    if (record.armed) this.#permits.guarded = true;
    this.#permits.tellLapse(record);
    if (this.#permits.endOnShared(record)) return;
    if (site.mirror() === 'whole') this.#member.changes.over('copy-starts');
    const guest = site.guest();
    this.#starting.begins(guest, known);
    if (!known) {
      this.#halfMade.look();
      return;
    }
    this.#halfMade.settled();
    // Nothing is in doubt and the record is still this owner's: the hand-over did not happen.
    if (this.#permits.giving && !this.#giving.asked && !this.#member.busy) this.#permits.giving = false;
    if (this.#maintenanceEnds(record)) return;
    if (!record.begun) this.#starting.begin(record);
    else if (guest === 'none') this.#gone(record);
    else if (this.#starting.mustAsk(record) && this.#member.permission === null) return;
    else if (guest === 'paused') this.#starting.goOn(record);
    else if (guest === 'leaving') this.#leaving(record);
    else if (record.armed) this.#armed(record);
    else this.#unarmed(record);
  }

  #maintenanceEnds({ maintenance }: LeaseRecord): boolean {
    if (maintenance === null || this.#member.parts.site.wall() < maintenance.until) return false;
    const text = (): string => 'planned work is over, as was set when it began';
    this.#member.swap(
      endMaintenance(maintenance.until),
      { event: 'maintenance-ended', text },
      () => undefined,
    );
    return true;
  }

  /** No QEMU: it ended by itself, was shut down on purpose, or is being moved. */
  #gone(record: LeaseRecord): void {
    const { site } = this.#member.parts;
    const wanted = site.wanted();
    if (this.#giving.asked) this.#giving.give(record);
    else if (wanted === 'moving') return;
    else if (wanted === 'down') this.#down(record);
    else if (record.armed && record.replica.state === 'in-sync' && this.#starting.worn()) {
      this.#member.parts.audit('restarts-used-up', 'was started again too often: it goes to the other host');
      this.#giving.ask(() => undefined);
      this.#giving.give(record);
    } else if (this.#member.parts.rules.staleBeforeStart && inSyncOrArmed(record)) {
      this.#stale(record, 'the machine starts anew');
    } else this.#starting.start(record);
  }

  /** Shut down by a person: with nothing to fail over to, nobody starts it anywhere. */
  #down(record: LeaseRecord): void {
    if (inSyncOrArmed(record)) this.#stale(record, 'the machine was shut down on purpose');
    else this.#permits.standing(record);
  }

  /**
   * At the end of its live migration. Disarmed before its mirror is taken away: QEMU lets the guest go on by itself when
   * the last piece of memory fails, and nobody may then take over by himself a copy that misses what it writes.
   */
  #leaving(record: LeaseRecord): void {
    const { site, rules } = this.#member.parts;
    if (this.#giving.asked) this.#giving.give(record);
    else if (record.armed && rules.disarmToLeave) this.#disarmToLeave(record);
    else if (site.wanted() === 'moving') return;
    else if (record.replica.state === 'in-sync' && site.mirror() !== 'whole')
      this.#stale(record, 'the machine stays, and its mirror was taken away');
    else this.#starting.goOn(record);
  }

  #disarmToLeave(record: LeaseRecord): void {
    const { rules, self } = this.#member.parts;
    const text = (): string => 'disarmed: the machine is about to change sides';
    this.#member.swap(disarm(record.epoch.n, self, rules), { event: 'disarmed', text }, () => undefined);
  }

  #armed(record: LeaseRecord): void {
    const { site, rules, self, audit } = this.#member.parts;
    if (!this.#giving.asked && site.guest() === 'faulted' && site.mirror() === 'whole') {
      audit('guest-faulted', 'this host’s disks answer with errors: the machine goes to the other host');
      this.#giving.ask(() => undefined);
    }
    if (this.#giving.asked) {
      this.#giving.give(record);
      return;
    }
    const mirror = site.mirror();
    if (mirror === 'unknown') return;
    if (mirror !== 'whole') {
      if (!rules.releaseRecorded) {
        audit('released', 'writes go on alone');
        site.releaseMirror();
      }
      this.#stale(record, 'the copy does not take writes');
      return;
    }
    if (site.wanted() === 'leaving') {
      this.#disarmToLeave(record);
      return;
    }
    const missing = this.#missing.tooLong(this.#member, record);
    if (!isAutomatic(record) || missing !== null) {
      const text = (): string => `disarmed: ${missing ?? 'automation is switched off'}`;
      this.#member.swap(disarm(record.epoch.n, self, rules), { event: 'disarmed', text }, () => undefined);
    } else if (site.guest() === 'stopped') this.#thaw(record);
  }

  #unarmed(record: LeaseRecord): void {
    const { site, rules } = this.#member.parts;
    if (this.#giving.asked) {
      this.#giving.give(record);
      return;
    }
    const mirror = site.mirror();
    if (!this.#readyToArm(record)) this.#permits.standing(record);
    if (mirror === 'unknown') return;
    // An unarmed mirror may have been released without a record: that is put right before anything is copied.
    const broken = record.replica.state === 'in-sync' && mirror !== 'whole' && rules.completeCopy;
    if (mirror === 'held' && (!broken || site.guest() !== 'stopped')) {
      this.#member.parts.audit(
        'released',
        'writes go on alone: the copy does not take them, and the pair is not armed',
      );
      site.releaseMirror();
    }
    if (broken) this.#stale(record, 'the copy does not take writes');
    else if (site.guest() === 'stopped') this.#thaw(record);
    else if (site.guest() === 'running') this.#protect(record);
  }

  /** Towards armed: a complete copy, recorded, then all that arming needs. */
  #protect(record: LeaseRecord): void {
    const { site, rules, self } = this.#member.parts;
    const mirror = site.mirror();
    if (mirror === 'off') {
      this.#member.changes.tell(
        'copy-starts',
        'off',
        isAttended(record)
          ? 'looks after the copy that others keep, until it is as it should be'
          : 'copies to the other host what that lacks, as often as it takes',
      );
      site.startMirror();
    }
    const whole = mirror === 'whole' || (!rules.completeCopy && mirror === 'copying');
    if (whole && record.replica.state !== 'in-sync') {
      const insync = replicaBecomes(record.epoch.n, self, 'in-sync', site.wall(), rules);
      const text = (): string => 'the copies are in sync';
      this.#member.swap(insync, { event: 'in-sync', text }, () => undefined);
      return;
    }
    if (this.#readyToArm(record)) this.#arm(record);
    else this.#missing.reset();
  }

  /** Everything the record and this host must be before the guard is switched on for arming. */
  #readyToArm(record: LeaseRecord): boolean {
    return !this.#giving.asked && nearlyArmed(hindrances(this.#member, record));
  }

  /** Lease first, then the guard, then `armed: true` at every voter (M, R). */
  #arm(record: LeaseRecord): void {
    const { self, rules, site, lease, now, timing } = this.#member.parts;
    const present = record.voters.every((voter) => this.#member.holds(voter, timing.leaseMs));
    const live = lease.until(false) > now();
    if (!live || (rules.armEveryone && !present)) {
      this.#permits.standing(record);
      return;
    }
    if (rules.guardFirst) {
      this.#permits.guarded = true;
      this.#permits.until(record, lease.until(false));
      if (!site.guardOn(record.epoch.n)) return;
    }
    this.#missing.reset();
    const text = (): string => 'armed: the other host takes over by itself';
    const change = arm(record.epoch.n, self, rules);
    this.#member.swap(change, { event: 'armed', text }, () => undefined, rules.armEveryone);
  }

  /** Committed `stale` disarms; only then may held writes, or a frozen guest, go on alone (M). */
  #stale(record: LeaseRecord, why: string): void {
    const { site, rules, self } = this.#member.parts;
    const stale = replicaBecomes(record.epoch.n, self, 'stale', site.wall(), rules);
    const text = (): string => `the copy is stale, and the pair not armed: ${why}`;
    this.#member.swap(stale, { event: 'stale', text }, ({ record: after }) => {
      if (after.owner !== self || after.epoch.n !== record.epoch.n) return;
      if (site.guest() !== 'none') this.#permits.standing(after, site.guest() === 'stopped');
      site.releaseMirror();
    });
  }

  /**
   * Frozen, with a copy that is unbroken or not counted on. That the record is still this owner's is committed, not only
   * read: something of its own, of before, may still be under way (found by the model).
   */
  #thaw(record: LeaseRecord): void {
    const { site, rules, self, timing, lease, now } = this.#member.parts;
    const ago = this.#permits.resumedMsAgo;
    if (ago !== null && ago < timing.leaseMs / 4) return;
    if (record.armed && lease.until(false) <= now()) return;
    const text = (): string => 'is still the owner: a majority has confirmed it';
    this.#member.swap(
      confirm(record.epoch.n, self, rules),
      { event: 'confirmed', text },
      ({ record: after }) => {
        if (site.guest() !== 'stopped' || !after.begun || this.#permits.giving) return;
        if (after.replica.state === 'in-sync' && site.mirror() !== 'whole') return;
        const until = lease.until(false);
        if (!after.armed) this.#permits.standing(after, true);
        else if (until > now()) this.#permits.until(after, until, true);
      },
    );
  }
}

const inSyncOrArmed = (record: LeaseRecord): boolean => record.armed || record.replica.state === 'in-sync';

const ordinal = (n: number): string => (n === 1 ? '1st' : n === 2 ? '2nd' : n === 3 ? '3rd' : `${n}th`);
