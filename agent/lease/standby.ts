import { seconds } from './audit.ts';
import type { OrderDone } from './giving.ts';
import { PATIENCE } from './half-made.ts';
import type { Member } from './member.ts';
import { type LeaseRecord, otherMember } from './record.ts';
import { isAutomatic, noSuccession, notTheCopy, sharesDisks, takeBack, takeOver } from './transitions.ts';

/** How many T an ordered takeover waits for the owner's lease to run out. */
const ORDER_PATIENCE = 4;

/** How long the process of a guest that comes in may be there without another look, ms. */
const INCOMING_MS = 5_000;

/** A voter that received the owner's last request a moment later is about to forget it: asked again this soon, ms. */
export const ASK_AGAIN_MS = 20;

/** What the other member does: keeps the copy, steps in when the lease has run out, takes back what never began. */
export class Standby {
  readonly #member: Member;
  #unbegun: { epoch: number; since: number } | null = null;
  #asking = false;
  #askedAt = 0;
  #lastAsked = 0;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #order: { done: OrderDone; since: number } | null = null;
  /** Epoch whose owner said that it cannot begin. */
  #declined: number | null = null;

  constructor(member: Member) {
    this.#member = member;
  }

  /** A candidate's lease has just been asked for. */
  get standing(): boolean {
    const { now, timing } = this.#member.parts;
    return this.#asking && now() - this.#askedAt < timing.leaseMs / 4;
  }

  /** A person's order: at once, and whatever this host thinks of its room. The voters' rules stay. */
  askTakeOver(done: OrderDone): void {
    this.#answer('refused: asked-again');
    this.#order = { done, since: this.#member.parts.now() };
    this.#askAgainAt = Number.NEGATIVE_INFINITY;
    this.#member.parts.audit('takeover-ordered', 'is ordered by a person to take over');
  }

  /** The host that was given the machine cannot begin: taken back at once, while its memory is still here. */
  declined(): void {
    const { voter } = this.#member.parts;
    this.#declined = voter.chosen?.record.epoch.n ?? null;
  }

  look(record: LeaseRecord, known: boolean): void {
    this.#stopOwnGuest(record, known);
    this.#orderTooOld(known);
    if (!known) {
      this.#settle();
      return;
    }
    if (!record.begun) {
      this.#answer('refused: not-begun');
      this.#waitForBegin(record);
      return;
    }
    this.#unbegun = null;
    const { site } = this.#member.parts;
    // One that another has replaced receives nothing more.
    const standsBy = otherMember(record, this.#member.parts.self) === record.owner;
    if (site.guest() === 'none' && standsBy) {
      if (!site.exportOpen()) {
        this.#member.changes.over('export');
        site.openExport();
      }
      // Told when it is so: a copy in quarantine stays closed.
      if (site.exportOpen()) this.#member.changes.tell('export', 'open', 'receives the other host’s writes');
    }
    this.#stepIn(record);
  }

  /** The owner now: what was asked for has happened, or something else has. */
  rest(): void {
    this.#answer('done');
    this.#asking = false;
    this.#unbegun = null;
    this.#member.changes.over('export');
  }

  /** A candidate's lease was granted: it permits this one swap, and is written to no file (M/R). */
  elected(): void {
    const { self, site, rules } = this.#member.parts;
    this.#asking = false;
    // It may have come about since this host stood for the lease.
    if (rules.needClean && site.unclean()) return;
    const text = (record: LeaseRecord): string => `takes over: epoch ${record.epoch.n}`;
    this.#member.swap(takeOver(self, site.wall(), rules), { event: 'take-over', text }, () => undefined);
  }

  /** Superseded: stopped at once; killed only after a majority said that the other began, and never if forced (M/R). */
  #stopOwnGuest(record: LeaseRecord, known: boolean): void {
    const { site, now } = this.#member.parts;
    if (site.guest() === 'none') {
      this.#member.changes.over('superseded');
      return;
    }
    if (site.guest() === 'incoming') {
      // A permit of its own, renewed at every look: its process may be there, and nothing of it runs before a record
      // makes this host the owner (starting.ts).
      const text = 'the machine’s memory comes in: its process may be there';
      this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: now() + INCOMING_MS }, text);
      return;
    }
    if (known && record.begun && !record.forced) {
      const given =
        record.change === 'hand-over' ? 'its process here is' : 'the copy here is set aside and its process';
      const text = `${record.owner} runs the machine since epoch ${record.epoch.n}: ${given} ended`;
      this.#member.changes.tell('superseded', String(record.epoch.n), text);
      site.quarantine();
      this.#member.permit({ kind: 'ended', epoch: record.epoch }, text);
      return;
    }
    if (known && sharesDisks(record)) {
      const text = `${record.owner} is the owner of the shared disks: the process here is ended, so that it does not keep them`;
      this.#member.permit({ kind: 'ended', epoch: record.epoch }, text);
      return;
    }
    const why = record.forced
      ? `a person has forced the machine to ${record.owner}: it is stopped here, until a person decides`
      : `${record.owner} is the owner by a newer record: the machine is stopped here`;
    this.#member.permit({ kind: 'deadline', epoch: record.epoch, ms: 0 }, why);
  }

  #waitForBegin(record: LeaseRecord): void {
    const { self, timing, now } = this.#member.parts;
    if (record.former !== self) return;
    if (this.#unbegun?.epoch !== record.epoch.n) this.#unbegun = { epoch: record.epoch.n, since: now() };
    const over = now() - this.#unbegun.since >= PATIENCE * timing.leaseMs;
    if (over || this.#declined === record.epoch.n) this.#takeBack();
  }

  #takeBack(): void {
    const { self, site, rules } = this.#member.parts;
    if (!rules.takeBack) return;
    const text = (record: LeaseRecord): string =>
      `takes back what the other host never began: epoch ${record.epoch.n}`;
    this.#member.swap(takeBack(self, site.wall()), { event: 'take-back', text }, () => undefined);
  }

  /**
   * A record that could not be settled. The other's takeover that never got through is taken back. An own one that reached
   * some voters only needs the candidate's lease again: without it nobody may write it back (found by the model).
   */
  #settle(): void {
    const found = this.#member.unsettled;
    const { self } = this.#member.parts;
    if (found === null || found.begun) return;
    if (found.former === self) this.#takeBack();
    const { rules, site } = this.#member.parts;
    if (notTheCopy(found, site.unclean(), rules) !== null) return;
    if (found.owner === self && found.change === 'takeover') this.#stand(found);
  }

  #stepIn(record: LeaseRecord): void {
    const { self, rules, site } = this.#member.parts;
    const reason = noSuccession(record, self, rules);
    if (reason !== null) {
      this.#answer(`refused: ${reason}`);
      this.#member.changes.over('candidate');
      return;
    }
    const unfit = notTheCopy(record, site.unclean(), rules);
    if (unfit !== null) {
      this.#answer(`refused: ${unfit}`);
      this.#member.changes.over('candidate');
      const text =
        'does not take over: it ended uncleanly while it acknowledged from memory, and may lack writes; a person may force it';
      this.#member.changes.tell('no-candidate', unfit, text);
      return;
    }
    if (!isAutomatic(record)) return;
    // Whatever runs or is frozen here has to be gone first: it is not the copy that would be taken over.
    if (site.guest() !== 'none' && site.guest() !== 'incoming') return;
    if (this.#order === null && !site.canHost()) {
      this.#member.changes.tell(
        'no-candidate',
        'no-capacity',
        'would not take over: this host cannot take the machine now',
      );
      return;
    }
    this.#member.changes.over('no-candidate');
    this.#stand(record);
  }

  /** Asks for the candidate's lease, once its own vote is free. */
  #stand(record: LeaseRecord): void {
    const { voter, lease, timing, now, random, site } = this.#member.parts;
    if (this.#member.busy) return;
    const at = now();
    if (this.#asking && !this.standing) {
      // Two who each hold their own grant would block each other for ever while the third voter is away.
      this.#asking = false;
      this.#askAgainAt = at + (0.25 + random()) * timing.leaseMs;
      const refused = [...(lease.missed?.denials ?? [])].map(([id, why]) => `${id}: ${why}`).join(', ');
      this.#member.changes.tell(
        'candidate-failed',
        refused,
        `found no majority for itself${refused && ` (${refused})`}`,
      );
      lease.giveUp();
    }
    if (this.standing && lease.missed !== null && lease.missed.denials.size > 0 && at > this.#lastAsked) {
      this.#lastAsked = at;
      lease.ask(true);
    }
    const { former, owner } = record;
    const before = owner === this.#member.parts.self ? former : owner;
    const holder = voter.grants.holder(at);
    if (holder === before && holder !== null) this.#member.changes.over('candidate');
    if (this.#asking || at < this.#askAgainAt || holder === before || voter.grants.silent(at)) return;
    // Its sender has fallen silent: what came in of the machine's memory is of no use any more.
    if (site.guest() === 'incoming') {
      const text = 'ends the process that waited for the machine’s memory: its sender has fallen silent';
      this.#member.parts.audit('incoming-dropped', text);
      site.dropIncoming();
      return;
    }
    this.#asking = true;
    this.#askedAt = at;
    this.#lastAsked = at;
    const ago = voter.grants.heardMsAgo(at);
    const since = ago === null ? '' : `: nothing heard of its owner for ${seconds(ago)}`;
    this.#member.changes.tell(
      'candidate',
      String(record.epoch.n),
      `stands for the lease of ${before ?? owner}${since}`,
    );
    lease.ask(true);
  }

  #orderTooOld(known: boolean): void {
    const { timing, now, voter } = this.#member.parts;
    if (this.#order === null) return;
    const left = Math.max(timing.leaseMs, voter.grants.heldMs(now()) ?? 0);
    if (now() - this.#order.since < ORDER_PATIENCE * left) return;
    this.#answer(known ? 'refused: owner-alive' : 'unreachable');
  }

  #answer(result: string): void {
    const order = this.#order;
    if (order === null) return;
    this.#order = null;
    order.done(result);
  }
}
