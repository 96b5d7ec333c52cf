import { NodeCore, type NodeOptions, type NodePorts } from './core.ts';
import { Courtesies } from './courtesies.ts';
import type { OrderDone } from './giving.ts';
import { Member } from './member.ts';
import type { Envelope } from './messages.ts';
import { Owner } from './owner.ts';
import { audience, newest, otherMember } from './record.ts';
import type { Site } from './site.ts';
import { ASK_AGAIN_MS, Standby } from './standby.ts';
import { type Change, force } from './transitions.ts';
import { type NodeView, viewOf } from './view.ts';

export type { NodeOptions, NodePorts } from './core.ts';

/** How many T an operator's swap is tried, and how soon again. */
const ORDER_PATIENCE = 2;
const ORDER_AGAIN_MS = 40;

/** A member's two roles. */
interface Roles {
  member: Member;
  owner: Owner;
  standby: Standby;
}

/** One pair on one host, in any of the three roles: a voter, and for a member the owner's and the standby's duties. */
export class PairNode extends NodeCore {
  readonly #courtesies: Courtesies;
  readonly #roles: Roles | null;
  #renewAt = Number.NEGATIVE_INFINITY;

  constructor(options: NodeOptions, ports: NodePorts) {
    super(options, ports);
    this.#courtesies = new Courtesies({
      self: options.self,
      timing: this.timing,
      now: ports.now,
      record: () => this.record,
      send: (to, body) => this.request(to, body),
      lease: this.lease,
      audit: ports.audit,
    });
    this.#roles = options.site === null ? null : this.#makeRoles(options.site);
  }

  /** Starts the clockwork: everything is looked at every T / 12 and after every event. */
  start(): void {
    const beat = (): void => {
      this.enter(() => this.#beat());
      this.ports.after(this.#nextBeat(), beat);
    };
    beat();
  }

  /**
   * An operator's swap, from whichever node he reached: `done`, `unreachable`, or `refused: ` and a stable reason. Asked
   * again for a while when the node is busy or the outcome is unknown, so a change must be one that may be made twice.
   */
  order(change: Change, done: OrderDone): void {
    const until = this.ports.now() + ORDER_PATIENCE * this.timing.leaseMs;
    const attempt = (): void =>
      this.proposer.swap(change, false, (outcome) => {
        if (outcome.kind === 'done') {
          this.ports.audit('ordered', 'a change ordered by a person is recorded', {
            version: String(outcome.value.record.version),
          });
          done('done');
        } else if (outcome.kind === 'refused' && outcome.reason !== 'voters-changed') {
          done(`refused: ${outcome.reason}`);
        } else if (this.ports.now() >= until) done('unreachable');
        else this.ports.after(ORDER_AGAIN_MS, () => this.enter(attempt));
      });
    this.enter(attempt);
  }

  /** An operator's switchover, on the owner: `done`, `unreachable`, or `refused: ` and a stable reason. */
  askHandOver(done: OrderDone = () => undefined): void {
    this.enter(() => {
      if (this.record?.owner !== this.options.self || this.#roles === null) done('refused: not-the-owner');
      else this.#roles.owner.askHandOver(done);
      this.again();
    });
  }

  /** An operator's takeover by the rules, on the standby of an armed pair whose owner is not heard of. */
  askTakeOver(done: OrderDone): void {
    this.enter(() => {
      const { record } = this;
      const standby = record !== null && otherMember(record, this.options.self) === record.owner;
      if (!standby || this.#roles === null) done('refused: not-the-standby');
      else this.#roles.standby.askTakeOver(done);
      this.again();
    });
  }

  /** A person overrides the majority: written here at once, told to everybody (R). */
  force(wall: number): boolean {
    const { self } = this.options;
    const base = newest(this.voter.chosen, this.voter.state.accepted);
    if (base === null || otherMember(base.record, self) === null) return false;
    const record = force(base.record, self, wall);
    const ballot = this.rules.epochChecked
      ? { force: record.epoch, config: record.config, round: 1, node: self }
      : { ...base.ballot, round: base.ballot.round + 1, node: self };
    this.enter(() => {
      this.ports.audit('forced', `is made the owner by a person: epoch ${record.epoch.n}`, {
        before: base.record.owner,
      });
      this.voter.forced({ ballot, record });
      for (const one of audience(record)) if (one !== self) this.request(one, { kind: 'gossip' });
    });
    return true;
  }

  /** The host that was given the machine says that it cannot begin. */
  takeBackNow(): void {
    this.enter(() => {
      this.#roles?.standby.declined();
      this.again();
    });
  }

  /**
   * A voter that leaves on purpose: the owner disarms at once, so that nothing freezes later. `done` when the record is
   * known to be unarmed. `leaving` false: it stays after all.
   */
  goodbye(leaving = true, done: () => void = () => undefined): void {
    this.enter(() => this.#courtesies.goodbye(leaving, done));
  }

  /**
   * Owner, before its agent is replaced: a lease of up to `ms` (MAX_HOLD_ON_MS), so that nothing freezes meanwhile. With a
   * voter away it disarms instead.
   */
  holdOn(ms: number, done: (held: boolean) => void): void {
    this.enter(() => {
      const { record } = this;
      const disarms = record !== null && this.#roles?.owner.goesSoon(record) === true;
      this.#courtesies.holdOn(ms, done, disarms);
      this.again();
    });
  }

  view(): NodeView {
    const now = this.ports.now();
    return viewOf({
      self: this.options.self,
      now,
      timing: this.timing,
      chosen: this.voter.chosen,
      contacts: this.contacts,
      member: this.#roles?.member ?? null,
      until: this.lease.until(false),
      voted: this.voter.grants.holder(now),
      votedMs: this.voter.grants.heldMs(now),
    });
  }

  /** Why this host's guest is not started or goes no further; null when nothing is waited for. */
  waiting(): string | null {
    const { record } = this;
    const { site, self } = this.options;
    if (record === null || site === null) return site === null ? null : 'no-record';
    if (record.owner === self) return this.#roles?.owner.waiting ?? null;
    return record.forced && site.guest() !== 'none' ? 'forced-met' : null;
  }

  protected onLease(candidate: boolean, until: number): void {
    const { record } = this;
    if (candidate && record !== null) this.#roles?.standby.elected();
    else if (record?.owner === this.options.self) this.#roles?.owner.renewed(record, until);
    this.#courtesies.live(candidate, until);
  }

  protected onMessage({ body, from }: Envelope): void {
    const { record } = this;
    if (body.kind === 'goodbye') this.again();
    const standby = record !== null && from === otherMember(record, this.options.self);
    // One that has lost its record cannot say that nobody forced anything.
    if (standby && body.kind === 'state' && body.sound && body.accepted !== null) {
      this.#roles?.owner.sawStandby();
    }
  }

  protected decide(): void {
    this.#courtesies.look();
    const { record } = this;
    if (record === null || this.#roles === null) return;
    const { member, owner, standby } = this.#roles;
    const known = member.known() !== null;
    if (record.owner === this.options.self) {
      standby.rest();
      owner.look(record, known);
    } else {
      owner.rest();
      standby.look(record, known);
    }
    // After the roles: what they do about a doubt ends it better than a read, and a read would be in its way.
    if (!known && !member.busy && this.voter.ready && !standby.standing) member.read();
  }

  #makeRoles(site: Site): Roles {
    const member = new Member({
      self: this.options.self,
      timing: this.timing,
      rules: this.rules,
      site,
      voter: this.voter,
      proposer: this.proposer,
      lease: this.lease,
      contacts: this.contacts,
      now: this.ports.now,
      random: this.ports.random,
      again: () => this.again(),
      audit: this.ports.audit,
    });
    return { member, owner: new Owner(member), standby: new Standby(member) };
  }

  #beat(): void {
    this.beatAsVoter();
    const { record } = this;
    const now = this.ports.now();
    // A beat may come a little before its time by a clock that counts in steps.
    if (record === null || !this.voter.ready || now < this.#renewAt - BEAT_EARLY_MS) return;
    this.#renewAt = nextOn(this.timing.leaseMs / 3, now);
    this.#courtesies.beat();
    if (this.#roles === null) return;
    const { member, owner } = this.#roles;
    const owns = record.owner === this.options.self;
    if (owns && owner.yields()) this.lease.giveUp();
    else if (owns && owner.wantsLease(record)) {
      owner.asking(record);
      this.lease.ask(false, this.#courtesies.leaseMs);
    }
    const unread = now - member.readAt >= this.timing.leaseMs;
    if (unread && (!owns || !record.armed)) member.read();
  }

  /** A standby looks at the very moment the owner's lease ends at its own voter: every ms of waiting is an outage. */
  #nextBeat(): number {
    // A restarted owner's lease is running out: it asks as soon as its incarnation is durable.
    if (!this.greeted) return 5;
    const now = this.ports.now();
    const usual = nextOn(this.timing.leaseMs / 12, now) - now;
    const ends = this.#roles === null ? null : this.voter.grants.endsAt(this.options.self, now);
    const next = ends === null ? usual : Math.min(usual, ends - now + 1);
    return this.#roles?.standby.standing === true ? Math.min(next, ASK_AGAIN_MS) : next;
  }
}

/** A clock read in steps of 10 ms may still name the moment before a beat that has come. */
const BEAT_EARLY_MS = 10;

/**
 * The next whole multiple of `step`: all pairs of a host beat together, so that what they say to one member travels in
 * one piece, and the host is woken once for all of them.
 */
const nextOn = (step: number, now: number): number => (Math.floor((now + BEAT_EARLY_MS) / step) + 1) * step;
