import type { VoterState } from './acceptor.ts';
import { Member } from './member.ts';
import type { Body, Envelope } from './messages.ts';
import { Owner } from './owner.ts';
import { OwnerLease } from './owner-lease.ts';
import { Proposer } from './proposer.ts';
import { type LeaseRecord, newest, otherMember } from './record.ts';
import { Recovery } from './recovery.ts';
import { CONTRACT, type Rules } from './rules.ts';
import type { Site } from './site.ts';
import { Standby } from './standby.ts';
import type { Timing } from './timing.ts';
import { type Change, force } from './transitions.ts';
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
  audit(text: string): void;
}

export interface NodeOptions {
  pairId: string;
  self: string;
  timing: Timing;
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
  readonly voter: Voter;
  readonly proposer: Proposer;
  readonly provider: VoterProvider;
  readonly #lease: OwnerLease;
  readonly #member: Member | null = null;
  readonly #owner: Owner | null = null;
  readonly #standby: Standby | null = null;
  #inbox: Envelope[] = [];
  #working = false;
  #lookAgain = false;
  #greeted = false;
  #renewAt = Number.NEGATIVE_INFINITY;
  readonly #recovery: Recovery;

  constructor(options: NodeOptions, ports: NodePorts) {
    this.#options = options;
    this.#ports = ports;
    this.#rules = options.rules ?? CONTRACT;
    const { self, timing, pairId } = options;
    this.voter = new Voter(
      { pairId, self, timing, rules: this.#rules, state: options.state, restarted: options.restarted },
      {
        now: ports.now,
        send: (envelope) => this.#out(envelope),
        save: (state, done) => ports.save(state, (durable) => this.#enter(() => done(durable))),
        audit: ports.audit,
      },
    );
    this.proposer = new Proposer(self, timing.leaseMs / 2, {
      send: (to, body) => this.#request(to, body),
      after: (ms, run) => ports.after(ms, () => this.#enter(run)),
      random: ports.random,
      chosen: () => this.voter.chosen,
      learnt: (chosen) => this.voter.learn(chosen),
    });
    this.#lease = new OwnerLease(
      timing,
      {
        now: ports.now,
        send: (to, body) => this.#request(to, body),
        voters: () => this.#record()?.voters ?? [],
        live: (candidate, until) => this.#live(candidate, until),
      },
      this.#rules,
    );
    this.#recovery = new Recovery({
      others: () => (this.#record()?.voters ?? []).filter((voter) => voter !== self),
      ballot: () => this.proposer.nextBallot(),
      prepare: (to, ballot) => this.#request(to, { kind: 'prepare', ballot }),
      recovered: (fence, accepted) => this.voter.recovered(fence, accepted),
    });
    this.provider = new VoterProvider({
      read: (done) => this.#enter(() => this.proposer.read(done)),
      swap: (change, done) => this.#enter(() => this.proposer.swap(change, false, done)),
      ask: (candidate) => this.#enter(() => this.#lease.ask(candidate)),
    });
    this.voter.onChosen = (chosen) => this.#learnt(chosen.record);
    if (options.site === null) return;
    this.#member = new Member({
      self,
      timing,
      rules: this.#rules,
      site: options.site,
      voter: this.voter,
      proposer: this.proposer,
      lease: this.#lease,
      now: ports.now,
      random: ports.random,
      again: () => {
        this.#lookAgain = true;
      },
      audit: ports.audit,
    });
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

  /** An operator's switchover, on the owner. */
  askHandOver(): void {
    this.#enter(() => {
      this.#owner?.askHandOver();
      this.#lookAgain = true;
    });
  }

  /** A person overrides the majority: written here at once, told to everybody (R). */
  force(wall: number): boolean {
    const base = newest(this.voter.chosen, this.voter.state.accepted);
    if (base === null || otherMember(base.record, this.#options.self) === null) return false;
    const record = force(base.record, this.#options.self, wall);
    const ballot = this.#rules.epochChecked
      ? { force: record.epoch, round: 1, node: this.#options.self }
      : { ...base.ballot, round: base.ballot.round + 1, node: this.#options.self };
    this.#enter(() => {
      this.voter.learn({ ballot, record });
      for (const voter of record.voters)
        if (voter !== this.#options.self) this.#request(voter, { kind: 'gossip' });
    });
    return true;
  }

  get record(): LeaseRecord | null {
    return this.#record();
  }

  #record(): LeaseRecord | null {
    return this.voter.chosen?.record ?? null;
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
    this.#recovery.receive(envelope);
    this.proposer.receive(envelope);
    this.#lease.receive(envelope);
    const record = this.#record();
    if (
      envelope.body.kind === 'state' &&
      record !== null &&
      envelope.from === otherMember(record, this.#options.self)
    ) {
      this.#owner?.sawStandby();
    }
  }

  #learnt(record: LeaseRecord): void {
    if (record.owner !== this.#options.self) this.#lease.void();
    this.#lookAgain = true;
    this.provider.tell({ kind: 'record', record });
  }

  #live(candidate: boolean, until: number): void {
    this.provider.tell({ kind: 'lease', untilMs: until, candidate });
    const record = this.#record();
    if (record === null) return;
    if (candidate) this.#standby?.elected();
    else if (record.owner === this.#options.self) this.#owner?.renewed(record, until);
    this.#lookAgain = true;
  }

  #beat(): void {
    this.voter.retry();
    if (!this.#greeted && this.voter.ready) this.#greet();
    if (!this.voter.state.sound) this.#recovery.ask();
    this.#lookAgain = true;
    const record = this.#record();
    const now = this.#ports.now();
    if (record === null || this.#member === null || !this.voter.ready || now < this.#renewAt) return;
    this.#renewAt = now + this.#options.timing.leaseMs / 3;
    if (record.owner === this.#options.self && this.#owner?.wantsLease(record) === true)
      this.#lease.ask(false);
    const unread = now - this.#member.readAt >= this.#options.timing.leaseMs;
    if (unread && (record.owner !== this.#options.self || !record.armed)) this.#member.read();
  }

  /** A standby looks at the very moment the owner's lease ends at its own voter: every ms of waiting is an outage. */
  #nextBeat(): number {
    // A restarted owner's lease is running out: it asks as soon as its incarnation is durable.
    if (!this.#greeted) return 5;
    const usual = this.#options.timing.leaseMs / 12;
    const now = this.#ports.now();
    const ends = this.#member === null ? null : this.voter.grants.endsAt(this.#options.self, now);
    return ends === null ? usual : Math.min(usual, ends - now + 1);
  }

  /** Asks everybody how far they have seen this voter: a restored one finds out before it votes. */
  #greet(): void {
    this.#greeted = true;
    for (const voter of this.#record()?.voters ?? []) {
      if (voter !== this.#options.self) this.#request(voter, { kind: 'query', id: 0 });
    }
  }

  #look(): void {
    const record = this.#record();
    if (record === null || this.#member === null) return;
    const known = this.#member.known() !== null;
    if (!known && !this.#member.busy && this.voter.ready) this.#member.read();
    if (record.owner === this.#options.self) this.#owner?.look(record, known);
    else this.#standby?.look(record, known);
  }
}
