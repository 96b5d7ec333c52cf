import { compareEpoch, type Epoch } from '../protocol/index.ts';
import type { Member } from './member.ts';
import type { Permits } from './permits.ts';
import type { LeaseRecord } from './record.ts';
import type { GuestState } from './site.ts';
import { begin, isPromoted, isRefusal, notTheCopy } from './transitions.ts';

/** Restarts in place of a guest whose QEMU ended by itself, before it is handed to the standby instead. */
const RESTARTS = 3;
const RESTART_WINDOW_MS = 10 * 60_000;

/** How an owner's guest comes to run: QEMU paused, `begun`, first instruction; and what it waits for. */
export class Starting {
  readonly #member: Member;
  readonly #permits: Permits;
  #standbyRead = false;
  #booting = false;
  #closing = false;
  #bootedFor: number | null = null;
  #starts: number[] = [];
  #waiting: string | null = null;

  constructor(member: Member, permits: Permits) {
    this.#member = member;
    this.#permits = permits;
  }

  sawStandby(): void {
    this.#standbyRead = true;
  }

  get waiting(): string | null {
    return this.#waiting;
  }

  /** A look begins: what it waits for is found anew. */
  begins(guest: GuestState, known: boolean): void {
    this.#waiting = null;
    const missing = guest === 'none' && !known && this.#member.parts.site.wanted() === 'run';
    if (!missing) return;
    const { sound } = this.#member.parts.voter.state;
    if (!sound) this.#wait('state-lost', 'its record was lost, and nobody else could have voted on it');
    else if (!this.#member.busy) this.#wait('no-majority', 'no majority of the voters answers');
    else this.#waiting = 'no-majority';
  }

  /** Export closed first (M), then `begun`, then the first instruction. */
  begin(record: LeaseRecord): void {
    const { site, rules, self, audit } = this.#member.parts;
    if (rules.closeExport && site.exportOpen()) {
      this.#waiting = 'closing-export';
      if (this.#closing) return;
      this.#closing = true;
      audit('export-closing', 'closes the copy to the other host’s writes, before anything runs here');
      site.closeExport(() => {
        this.#closing = false;
        this.#member.parts.again();
      });
      return;
    }
    // Looked at once it is closed: what could not be put on disk then is missing. The former owner takes back.
    if (record.change !== 'take-back' && notTheCopy(record, site.unclean(), rules) !== null) {
      if (site.guest() === 'incoming') {
        audit(
          'incoming-dropped',
          'ends the process that waited for the machine’s memory: its copy is not whole',
        );
        site.dropIncoming();
      }
      this.#wait(
        'unclean',
        'its storage ended uncleanly while it acknowledged from memory, so writes may be missing: a person may force it',
      );
      return;
    }
    // What comes in belongs to a hand-over: in an epoch that came about otherwise nobody sends the rest of it.
    if (site.guest() === 'incoming' && record.change !== 'hand-over') {
      audit(
        'incoming-dropped',
        'ends the process that waited for the machine’s memory: nobody sends the rest of it',
      );
      site.dropIncoming();
      return;
    }
    // A former owner that took back has its guest still; anybody else starts QEMU first, so that a start that fails
    // leaves an epoch that has not begun. One that is meant to be down begins without.
    if (site.guest() === 'incoming' || (site.guest() === 'none' && site.wanted() !== 'down')) {
      this.#boot(record);
      return;
    }
    if (this.#foreign(record)) {
      const why = 'a machine is here that this epoch has not started: it is ended, and started anew';
      this.#member.permit({ kind: 'ended', epoch: record.epoch }, why);
      return;
    }
    const text = (after: LeaseRecord): string => `has begun: epoch ${after.epoch.n}`;
    const alone = (): void => this.#beginAlone(record.epoch);
    this.#member.swap(begin(record.epoch.n, self, rules), { event: 'begun', text, alone }, () => {
      // Begun in this life: since the boot nobody else can have without this owner's knowing.
      this.#standbyRead = true;
    });
  }

  /**
   * Whoever forces the machine onto its standby may have lost its host and the witness: what was written here without a
   * majority begins without one. They learn it as soon as they are heard of again.
   */
  #beginAlone(epoch: Epoch): void {
    const { voter, rules, self, audit } = this.#member.parts;
    const { chosen } = voter;
    if (chosen === null || !this.#member.forcedHere(chosen.record)) return;
    if (compareEpoch(chosen.record.epoch, epoch) !== 0) return;
    const begun = begin(epoch.n, self, rules)(chosen.record);
    if (isRefusal(begun)) return;
    this.#member.override(chosen, begun);
    this.#standbyRead = true;
    audit(
      'begun',
      `has begun: epoch ${epoch.n}, by a person’s word alone: no majority of the voters answers`,
      {
        epoch: String(epoch.n),
        version: String(begun.version),
      },
    );
  }

  /** Paused by QEMU, before its first instruction or because it was to leave: everything is recorded, it may go. */
  goOn(record: LeaseRecord): void {
    const { site, audit } = this.#member.parts;
    if (!record.armed) this.#permits.standing(record);
    if (this.#permits.lapsed()) return;
    audit('guest-continues', 'the machine gets its next instruction here', { epoch: String(record.epoch.n) });
    site.continueGuest();
  }

  /** After a boot an unarmed owner permits nothing, not even what an admin started, before it has asked the standby (R). */
  mustAsk(record: LeaseRecord): boolean {
    return !record.armed && this.#member.parts.site.booted && !this.#standbyRead;
  }

  start(record: LeaseRecord): void {
    const { lease, now } = this.#member.parts;
    if (this.mustAsk(record)) {
      this.#wait(
        'ask-standby',
        'this host has booted: the other host may have taken over meanwhile, and is asked first',
      );
      return;
    }
    if (record.armed) {
      const until = lease.until(false);
      if (until <= now()) {
        this.#wait('no-lease', 'no majority of the voters grants the lease');
        return;
      }
      this.#permits.until(record, until);
    }
    this.#boot(record);
  }

  /** Too many starts within the window. */
  worn(): boolean {
    const from = this.#member.parts.now() - RESTART_WINDOW_MS;
    this.#starts = this.#starts.filter((at) => at > from);
    return this.#starts.length >= RESTARTS;
  }

  /**
   * A QEMU that somebody else started from this copy, or a former life of this agent: what it has read of the disks may
   * be older than what the other host wrote since (found by the simulator). Nor one that was frozen while the other host had its
   * copy promoted, whether it began or not: its own disks may take no writes any more.
   */
  #foreign(record: LeaseRecord): boolean {
    const { rules, site } = this.#member.parts;
    const promoted = rules.freshAfterPromote && isPromoted(record);
    const own = (record.change === 'take-back' && !promoted) || record.change === 'forced';
    const here = site.guest() !== 'none';
    return here && !own && !this.#booting && this.#bootedFor !== record.epoch.n;
  }

  /** QEMU with the guest paused, under a permission of this epoch. */
  #boot(record: LeaseRecord): void {
    const { site, now, timing, audit } = this.#member.parts;
    const last = this.#starts.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (!this.#booting && !site.canHost()) {
      this.#wait('no-capacity', 'this host cannot take the machine now');
      return;
    }
    this.#wait('starting', 'the machine is being started');
    if (this.#booting || now() - last < timing.leaseMs / 2) return;
    if (!record.armed || !record.begun) this.#permits.standing(record);
    this.#booting = true;
    this.#starts.push(now());
    this.#bootedFor = record.epoch.n;
    audit('guest-start', 'starts the machine, paused', { epoch: String(record.epoch.n) });
    site.startGuest((started) => {
      this.#booting = false;
      audit(
        started ? 'guest-started' : 'guest-start-failed',
        started ? 'the machine is there' : 'the start failed',
      );
      this.#member.parts.again();
    });
  }

  #wait(reason: string, text: string): void {
    this.#waiting = reason;
    this.#member.changes.tell('waiting', reason, `does not run the machine yet: ${text}`);
  }
}
