import type { Profile } from '../protocol/index.ts';
import type { VoterState } from './acceptor.ts';
import type { Audit } from './audit.ts';
import { Contacts } from './contacts.ts';
import { Courtesies } from './courtesies.ts';
import type { OrderDone } from './giving.ts';
import { Member } from './member.ts';
import type { Body, Envelope } from './messages.ts';
import { Owner } from './owner.ts';
import { OwnerLease } from './owner-lease.ts';
import { Proposer } from './proposer.ts';
import { audience, type LeaseRecord, newest, otherMember } from './record.ts';
import { Recovery } from './recovery.ts';
import { CONTRACT, type Rules } from './rules.ts';
import type { Site } from './site.ts';
import { Standby } from './standby.ts';
import { type Timing, timingFor } from './timing.ts';
import { type Change, force } from './transitions.ts';
import { type NodeView, viewOf } from './view.ts';
import { Voter } from './voter.ts';
import { VoterProvider } from './voter-provider.ts';

/** The world as one pair's node sees it. */
export interface NodePorts {
  /** Boot-time clock, ms, suspend included. */
  now(): number;
  send(envelope: Envelope): void;
  save(state: VoterState, done: (durable: boolean) => void): void;
  after(ms: number, run: () => void): void;
  random(): number;
  audit: Audit;
}

export interface NodeOptions {
  pairId: string;
  self: string;
  /** A function is asked with the record's profile at every use: a profile may change while the pair is unarmed. */
  timing: Timing | ((profile: Profile) => Timing);
  rules?: Rules;
  state: VoterState;
  restarted: boolean;
  /** Null for a witness: it votes and does nothing else. */
  site: Site | null;
}

/** One pair on one host, in any of the three roles: a voter, and for a member the owner's and the standby's duties. */
export class PairNode {
  readonly #options: NodeOptions;
  readonly #ports: NodePorts;
  readonly #rules: Rules;
  readonly #timing: Timing;
  readonly voter: Voter;
  readonly proposer: Proposer;
  readonly provider: VoterProvider;
  readonly #lease: OwnerLease;
  readonly #contacts: Contacts;
  readonly #courtesies: Courtesies;
  readonly #recovery: Recovery;
  readonly #member: Member | null = null;
  readonly #owner: Owner | null = null;
  readonly #standby: Standby | null = null;
  #inbox: Envelope[] = [];
  #working = false;
  #lookAgain = false;
  #greeted = false;
  #renewAt = Number.NEGATIVE_INFINITY;

  constructor(options: NodeOptions, ports: NodePorts) {
    this.#options = options;
    this.#ports = ports;
    this.#rules = options.rules ?? CONTRACT;
    this.#timing = timingFor(options.timing, () => this.#profile());
    const { self, pairId, site } = options;
    const timing = this.#timing;
    this.#contacts = new Contacts(ports.now);
    this.voter = new Voter(
      { pairId, self, timing, rules: this.#rules, state: options.state, restarted: options.restarted },
      {
        now: ports.now,
        send: (envelope) => this.#out(envelope),
        save: (state, done) => ports.save(state, (durable) => this.#enter(() => done(durable))),
        audit: ports.audit,
      },
    );
    this.proposer = new Proposer(self, () => timing.leaseMs / 2, {
      send: (to, body) => this.#request(to, body),
      after: (ms, run) => ports.after(ms, () => this.#enter(run)),
      random: ports.random,
      chosen: () => this.voter.chosen,
      learnt: (chosen) => this.voter.learn(chosen),
    });
    this.#lease = this.#makeLease();
    this.#recovery = new Recovery({
      others: () => (this.record?.voters ?? []).filter((voter) => voter !== self),
      ballot: () => this.proposer.nextBallot(),
      prepare: (to, ballot) => this.#request(to, { kind: 'prepare', ballot }),
      recovered: (fence, accepted) => this.voter.recovered(fence, accepted),
    });
    this.#courtesies = this.#makeCourtesies();
    this.provider = new VoterProvider({
      read: (done) => this.#enter(() => this.proposer.read(done)),
      swap: (change, done) => this.#enter(() => this.proposer.swap(change, false, done)),
      ask: (candidate) => this.#enter(() => this.#lease.ask(candidate)),
    });
    this.voter.onChosen = (chosen) => this.#learnt(chosen.record);
    if (site === null) return;
    this.#member = this.#makeMember(site);
    this.#owner = new Owner(this.#member);
    this.#standby = new Standby(this.#member);
  }

  /** Starts the clockwork: everything is looked at every T / 12 and after every event. */
  start(): void {
    const beat = (): void => {
      this.#enter(() => this.#beat());
      this.#ports.after(this.#nextBeat(), beat);
    };
    beat();
  }

  receive(envelope: Envelope): void {
    this.#enter(() => this.#handle(envelope));
  }

  /** Something on this host changed: guest, mirror, export, guard. */
  look(): void {
    this.#enter(() => {
      this.#lookAgain = true;
    });
  }

  /** An operator's swap, from whichever node he reached. */
  order(change: Change, done: (kind: string) => void): void {
    this.#enter(() => this.proposer.swap(change, false, (outcome) => done(outcome.kind)));
  }

  /** An operator's switchover, on the owner: `done`, `unreachable`, or `refused: ` and a stable reason. */
  askHandOver(done: OrderDone = () => undefined): void {
    this.#enter(() => {
      if (this.record?.owner !== this.#options.self || this.#owner === null) done('refused: not-the-owner');
      else this.#owner.askHandOver(done);
      this.#lookAgain = true;
    });
  }

  /** An operator's takeover by the rules, on the standby of an armed pair whose owner is not heard of. */
  askTakeOver(done: OrderDone): void {
    this.#enter(() => {
      const record = this.record;
      const standby = record !== null && otherMember(record, this.#options.self) === record.owner;
      if (!standby || this.#standby === null) done('refused: not-the-standby');
      else this.#standby.askTakeOver(done);
      this.#lookAgain = true;
    });
  }

  /** A person overrides the majority: written here at once, told to everybody (R). */
  force(wall: number): boolean {
    const { self } = this.#options;
    const base = newest(this.voter.chosen, this.voter.state.accepted);
    if (base === null || otherMember(base.record, self) === null) return false;
    const record = force(base.record, self, wall);
    const ballot = this.#rules.epochChecked
      ? { force: record.epoch, config: record.config, round: 1, node: self }
      : { ...base.ballot, round: base.ballot.round + 1, node: self };
    this.#enter(() => {
      this.#ports.audit('forced', `is made the owner by a person: epoch ${record.epoch.n}`, {
        before: base.record.owner,
      });
      this.voter.forced({ ballot, record });
      for (const one of audience(record)) if (one !== self) this.#request(one, { kind: 'gossip' });
    });
    return true;
  }

  /**
   * A voter that leaves on purpose: the owner disarms at once, so that nothing freezes later. `done` when the record is
   * known to be unarmed. `leaving` false: it stays after all.
   */
  goodbye(leaving = true, done: () => void = () => undefined): void {
    this.#enter(() => this.#courtesies.goodbye(leaving, done));
  }

  /** Owner, before its agent is replaced: a lease of up to `ms` (MAX_HOLD_ON_MS), so that nothing freezes meanwhile. */
  holdOn(ms: number, done: (held: boolean) => void): void {
    this.#enter(() => this.#courtesies.holdOn(ms, done));
  }

  get record(): LeaseRecord | null {
    return this.voter.chosen?.record ?? null;
  }

  view(): NodeView {
    const { self } = this.#options;
    const now = this.#ports.now();
    return viewOf({
      self,
      now,
      timing: this.#timing,
      chosen: this.voter.chosen,
      contacts: this.#contacts,
      member: this.#member,
      until: this.#lease.until(false),
      voted: this.voter.grants.holder(now),
      votedMs: this.voter.grants.heldMs(now),
    });
  }

  /** Why this host's guest is not started or goes no further; null when nothing is waited for. */
  waiting(): string | null {
    const record = this.record;
    const site = this.#options.site;
    if (record === null || site === null) return site === null ? null : 'no-record';
    if (record.owner === this.#options.self) return this.#owner?.waiting ?? null;
    return record.forced && site.guest() !== 'none' ? 'forced-met' : null;
  }

  #profile(): Profile {
    // Asked by the voter while it is being made, before it has a record to show.
    const state = (this.voter as Voter | undefined)?.state ?? this.#options.state;
    return state.chosen?.record.profile ?? 'balanced';
  }

  #makeLease(): OwnerLease {
    return new OwnerLease(
      this.#timing,
      {
        now: this.#ports.now,
        send: (to, body) => this.#request(to, body),
        voters: () => this.record?.voters ?? [],
        live: (candidate, until) => this.#live(candidate, until),
      },
      this.#rules,
    );
  }

  #makeMember(site: Site): Member {
    const { now, random, audit } = this.#ports;
    return new Member({
      self: this.#options.self,
      timing: this.#timing,
      rules: this.#rules,
      site,
      voter: this.voter,
      proposer: this.proposer,
      lease: this.#lease,
      contacts: this.#contacts,
      now,
      random,
      again: () => {
        this.#lookAgain = true;
      },
      audit,
    });
  }

  #makeCourtesies(): Courtesies {
    return new Courtesies({
      self: this.#options.self,
      timing: this.#timing,
      now: this.#ports.now,
      record: () => this.record,
      send: (to, body) => this.#request(to, body),
      lease: this.#lease,
      audit: this.#ports.audit,
    });
  }

  /** Runs one event to its end: own messages are handled after it, never inside it. */
  #enter(run: () => void): void {
    if (this.#working) {
      run();
      return;
    }
    this.#working = true;
    try {
      run();
      for (let round = 0; round < 50 && (this.#inbox.length > 0 || this.#lookAgain); round += 1) {
        const inbox = this.#inbox;
        this.#inbox = [];
        for (const envelope of inbox) this.#handle(envelope);
        if (!this.#lookAgain) continue;
        this.#lookAgain = false;
        this.#look();
      }
    } finally {
      this.#working = false;
    }
  }

  #request(to: string, body: Body): void {
    if (this.voter.ready) this.#out(this.voter.envelope(to, body));
  }

  #out(envelope: Envelope): void {
    if (envelope.to === this.#options.self) this.#inbox.push(envelope);
    else this.#ports.send(envelope);
  }

  #handle(envelope: Envelope): void {
    const admitted = this.voter.admit(envelope);
    this.voter.answer(envelope, admitted);
    if (!admitted) return;
    this.#contacts.receive(envelope, 3 * this.#timing.leaseMs);
    this.#recovery.receive(envelope);
    this.proposer.receive(envelope);
    this.#lease.receive(envelope);
    const { body, from } = envelope;
    if (body.kind === 'goodbye') this.#lookAgain = true;
    const record = this.record;
    const standby = record !== null && from === otherMember(record, this.#options.self);
    // One that has lost its record cannot say that nobody forced anything.
    if (standby && body.kind === 'state' && body.sound && body.accepted !== null) this.#owner?.sawStandby();
  }

  #learnt(record: LeaseRecord): void {
    if (record.owner !== this.#options.self) this.#lease.void();
    this.#lookAgain = true;
    this.provider.tell({ kind: 'record', record });
  }

  #live(candidate: boolean, until: number): void {
    this.provider.tell({ kind: 'lease', untilMs: until, candidate });
    const record = this.record;
    if (record === null) return;
    if (candidate) this.#standby?.elected();
    else if (record.owner === this.#options.self) this.#owner?.renewed(record, until);
    this.#courtesies.live(candidate, until);
    this.#lookAgain = true;
  }

  #beat(): void {
    this.voter.retry();
    if (!this.#greeted && this.voter.ready) this.#greet();
    if (!this.voter.state.sound) this.#recovery.ask();
    this.#lookAgain = true;
    const { record } = this;
    const now = this.#ports.now();
    if (record === null || !this.voter.ready || now < this.#renewAt) return;
    this.#renewAt = now + this.#timing.leaseMs / 3;
    this.#courtesies.beat();
    if (this.#member === null) return;
    const owns = record.owner === this.#options.self;
    if (owns && this.#owner?.wantsLease(record) === true) {
      this.#owner.asking(record);
      this.#lease.ask(false, this.#courtesies.leaseMs);
    }
    const unread = now - this.#member.readAt >= this.#timing.leaseMs;
    if (unread && (!owns || !record.armed)) this.#member.read();
  }

  /** A standby looks at the very moment the owner's lease ends at its own voter: every ms of waiting is an outage. */
  #nextBeat(): number {
    // A restarted owner's lease is running out: it asks as soon as its incarnation is durable.
    if (!this.#greeted) return 5;
    const usual = this.#timing.leaseMs / 12;
    const now = this.#ports.now();
    const ends = this.#member === null ? null : this.voter.grants.endsAt(this.#options.self, now);
    return ends === null ? usual : Math.min(usual, ends - now + 1);
  }

  /** Asks everybody how far they have seen this voter: a restored one finds out before it votes. */
  #greet(): void {
    this.#greeted = true;
    const { record } = this;
    for (const one of record === null ? [] : audience(record)) {
      if (one !== this.#options.self) this.#request(one, { kind: 'query', id: 0 });
    }
  }

  #look(): void {
    const { record } = this;
    this.#courtesies.look();
    if (record === null || this.#member === null) return;
    const known = this.#member.known() !== null;
    if (!known && !this.#member.busy && this.voter.ready) this.#member.read();
    if (record.owner === this.#options.self) {
      this.#standby?.rest();
      this.#owner?.look(record, known);
    } else {
      this.#owner?.rest();
      this.#standby?.look(record, known);
    }
  }
}
