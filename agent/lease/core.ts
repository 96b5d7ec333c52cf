import type { Profile } from '../protocol/index.ts';
import type { VoterState } from './acceptor.ts';
import type { Audit } from './audit.ts';
import { Contacts } from './contacts.ts';
import type { Body, Envelope } from './messages.ts';
import { OwnerLease } from './owner-lease.ts';
import { Proposer } from './proposer.ts';
import { audience, type LeaseRecord, type Versioned } from './record.ts';
import { Recovery } from './recovery.ts';
import { CONTRACT, type Rules } from './rules.ts';
import type { Site } from './site.ts';
import { type Timing, timingFor } from './timing.ts';
import { Voter } from './voter.ts';
import { VoterProvider } from './voter-provider.ts';

/** The world as one pair's node sees it. */
export interface NodePorts {
  /** Boot-time clock, ms, suspend included. */
  now(): number;
  send(envelope: Envelope): void;
  /** Fsynced when `done(true)` comes, which is never before `save` has returned. */
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

/** What every node is, the witness too: a voter, and the asking side of record and lease, behind one inbox. */
export abstract class NodeCore {
  protected readonly options: NodeOptions;
  protected readonly ports: NodePorts;
  protected readonly rules: Rules;
  protected readonly timing: Timing;
  protected readonly lease: OwnerLease;
  protected readonly contacts: Contacts;
  protected readonly recovery: Recovery;
  readonly voter: Voter;
  readonly proposer: Proposer;
  readonly provider: VoterProvider;
  #inbox: Envelope[] = [];
  #working = false;
  #eventAt: number | null = null;
  #lookAgain = false;
  #greeted = false;

  constructor(options: NodeOptions, ports: NodePorts) {
    this.options = options;
    this.ports = { ...ports, now: () => this.#nowOfEvent(ports.now) };
    this.rules = options.rules ?? CONTRACT;
    // Asked by the voter while it is being made, before it has a record to show.
    let state = (): VoterState => options.state;
    this.timing = timingFor(options.timing, () => state().chosen?.record.profile ?? 'balanced');
    this.contacts = new Contacts(this.ports.now);
    this.voter = this.#makeVoter();
    state = () => this.voter.state;
    this.proposer = new Proposer(options.self, () => this.timing.leaseMs / 2, {
      send: (to, body) => this.request(to, body),
      after: (ms, run) => ports.after(ms, () => this.enter(run)),
      random: ports.random,
      chosen: () => this.voter.chosen,
      learnt: (chosen) => this.#chose(chosen),
    });
    this.lease = this.#makeLease();
    this.recovery = new Recovery({
      others: () => (this.record?.voters ?? []).filter((voter) => voter !== options.self),
      ballot: () => this.proposer.nextBallot(),
      prepare: (to, ballot) => this.request(to, { kind: 'prepare', ballot }),
      recovered: (fence, accepted) => this.voter.recovered(fence, accepted),
    });
    this.provider = new VoterProvider({
      read: (done) => this.enter(() => this.proposer.read(done)),
      swap: (change, done) => this.enter(() => this.proposer.swap(change, false, done)),
      ask: (candidate) => this.enter(() => this.lease.ask(candidate)),
    });
    this.voter.onChosen = (chosen) => this.#learnt(chosen.record);
  }

  get record(): LeaseRecord | null {
    return this.voter.chosen?.record ?? null;
  }

  receive(envelope: Envelope): void {
    this.enter(() => this.#handle(envelope));
  }

  /** Something on this host changed: guest, mirror, export, guard. */
  look(): void {
    this.enter(() => this.again());
  }

  /** Looked at once this event has come to its end. */
  protected again(): void {
    this.#lookAgain = true;
  }

  protected get greeted(): boolean {
    return this.#greeted;
  }

  /** The lease was obtained or renewed. */
  protected abstract onLease(candidate: boolean, until: number): void;
  /** A message of this configuration has been dealt with by voter, proposer and lease. */
  protected abstract onMessage(envelope: Envelope): void;
  /** Everything is decided afresh. */
  protected abstract decide(): void;

  /** Runs one event to its end: own messages are handled after it, never inside it. */
  protected enter(run: () => void): void {
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
        this.decide();
      }
    } finally {
      this.#working = false;
      this.#eventAt = null;
    }
  }

  /**
   * An event happens at one instant, its beginning: the clock is read once for it (a system call each time was an eighth
   * of what an idle agent costs). Nothing is waited for inside an event, so it is no older than any reading before use.
   */
  #nowOfEvent(now: () => number): number {
    if (!this.#working) return now();
    this.#eventAt ??= now();
    return this.#eventAt;
  }

  protected request(to: string, body: Body): void {
    if (this.voter.ready) this.#out(this.voter.envelope(to, body));
  }

  /** What a voter does now and then, whatever its role. */
  protected beatAsVoter(): void {
    this.voter.retry();
    if (!this.#greeted && this.voter.ready) this.#greet();
    if (!this.voter.state.sound) this.recovery.ask();
    this.again();
  }

  #makeVoter(): Voter {
    const { pairId, self, state, restarted } = this.options;
    return new Voter(
      { pairId, self, timing: this.timing, rules: this.rules, state, restarted },
      {
        now: this.ports.now,
        send: (envelope) => this.#out(envelope),
        save: (saved, done) => this.ports.save(saved, (durable) => this.enter(() => done(durable))),
        audit: this.ports.audit,
      },
    );
  }

  #makeLease(): OwnerLease {
    return new OwnerLease(
      this.timing,
      {
        now: this.ports.now,
        send: (to, body) => this.request(to, body),
        voters: () => this.record?.voters ?? [],
        live: (candidate, until) => {
          this.provider.tell({ kind: 'lease', untilMs: until, candidate });
          this.onLease(candidate, until);
          this.again();
        },
      },
      this.rules,
    );
  }

  #out(envelope: Envelope): void {
    if (envelope.to === this.options.self) this.#inbox.push(envelope);
    else this.ports.send(envelope);
  }

  #handle(envelope: Envelope): void {
    const admitted = this.voter.admit(envelope);
    this.voter.answer(envelope, admitted);
    if (!admitted) return;
    this.contacts.receive(envelope, 3 * this.timing.leaseMs);
    this.recovery.receive(envelope);
    this.proposer.receive(envelope);
    this.lease.receive(envelope);
    this.onMessage(envelope);
  }

  #learnt(record: LeaseRecord): void {
    if (record.owner !== this.options.self) this.lease.void();
    this.again();
    this.provider.tell({ kind: 'record', record });
  }

  /**
   * Known here to be chosen, by an own round. Whoever has only accepted it does not know that yet, and would wait for the
   * next message: told at once, a host that was given the machine begins at once.
   */
  #chose(chosen: Versioned): void {
    const before = this.voter.chosen;
    this.voter.learn(chosen);
    if (this.voter.chosen === before || !this.rules.gossip) return;
    for (const one of audience(chosen.record))
      if (one !== this.options.self) this.request(one, { kind: 'gossip' });
  }

  /** Asks everybody how far they have seen this voter: a restored one finds out before it votes. */
  #greet(): void {
    this.#greeted = true;
    const { record } = this;
    for (const one of record === null ? [] : audience(record)) {
      if (one !== this.options.self) this.request(one, { kind: 'query', id: 0 });
    }
  }
}
