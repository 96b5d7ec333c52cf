import type { Clock } from '../ports.ts';
import { freshState, type VoterState } from './acceptor.ts';
import type { Envelope } from './messages.ts';
import { PairNode } from './node.ts';
import { Outsiders } from './outsiders.ts';
import { compareBallot, type LeaseRecord, type Versioned } from './record.ts';
import type { Site } from './site.ts';
import { GUARD_BOUND_MS, timingOf } from './timing.ts';
import type { VoteStore } from './vote-store.ts';

/** How often is looked whether a newcomer's silence is over, ms. */
const SILENCE_LOOK_MS = 20;

export interface VotersDeps {
  /** Its id as a voter; null for as long as it has none: then no message of a pair concerns it. */
  self(): string | null;
  store: VoteStore;
  clock: Pick<Clock, 'bootMs' | 'setTimeout'>;
  send(envelope: Envelope): void;
  /** What is done here about a pair this place is a member of; null for one it only votes on. */
  site(pairId: string): Site | null;
  audit(pairId: string, event: string, text: string, evidence?: Record<string, string>): void;
  /**
   * This place is neither member nor voter of the pair any more: what is kept of it besides its votes goes, and the votes
   * with it. Null: nothing but votes is kept here; false: it cannot go yet, and is asked for again.
   */
  leave?(pairId: string): Promise<boolean> | null;
  /** For diagnostics: what a voter's disk or its removal ran into. */
  warn(text: string): void;
  /** A newer record is known. */
  changed(pairId: string, record: LeaseRecord): void;
}

interface Life {
  node: PairNode;
  /** With a member's duties, not only a vote. */
  member: boolean;
  ended: boolean;
}

/**
 * The votes of one place: a node of this room for each pair that it votes on or is a member of, on its clock, its disk
 * and its links. An agent has one of these (agent/pairs), and so has a console that votes itself.
 */
export class Voters {
  readonly #deps: VotersDeps;
  readonly #lives = new Map<string, Life>();
  /** Pairs that ended here: a late message must not bring one back. */
  readonly #buried = new Set<string>();
  readonly #outsiders: Outsiders;
  #started = false;
  #stopped = false;

  constructor(deps: VotersDeps) {
    this.#deps = deps;
    this.#outsiders = new Outsiders({
      clock: deps.clock,
      isOutside: (pairId) => this.#isOutside(pairId),
      end: (pairId) =>
        void this.#leave(pairId).catch((error) => {
          deps.warn(`${pairId}: ${String(error)}`);
          this.#outsiders.look(pairId);
        }),
    });
  }

  /** Takes up what was voted before. `members`: pairs of which a copy is kept here, whatever became of their votes. */
  async load(members: readonly string[] = []): Promise<void> {
    const read = await this.#deps.store.load();
    for (const pairId of new Set([...read.keys(), ...members])) {
      const kept = read.get(pairId);
      if (kept?.ok === false) this.#deps.audit(pairId, 'votes-damaged', DAMAGED, kept.problem.details);
      // Without its history it abstains until it has read both others.
      this.#open(pairId, kept?.ok ? kept.value : freshState(false), true);
    }
  }

  /** From here on the nodes act. */
  start(): void {
    this.#started = true;
    for (const { node } of this.#lives.values()) node.start();
  }

  /** Nothing is said or written after it; resolves when what was being written is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#outsiders.stop();
    for (const life of this.#lives.values()) life.ended = true;
    await this.#deps.store.settled();
  }

  get(pairId: string): PairNode | null {
    return this.#lives.get(pairId)?.node ?? null;
  }

  ids(): string[] {
    return [...this.#lives.keys()];
  }

  all(): PairNode[] {
    return [...this.#lives.values()].map(({ node }) => node);
  }

  /** The newest record known here; known to be chosen, not that nothing newer is. */
  record(pairId: string): LeaseRecord | null {
    return this.get(pairId)?.record ?? null;
  }

  chosen(pairId: string): Versioned | null {
    return this.get(pairId)?.voter.chosen ?? null;
  }

  look(pairId: string): void {
    this.get(pairId)?.look();
  }

  get buried(): ReadonlySet<string> {
    return this.#buried;
  }

  receive(envelope: Envelope): void {
    const { pairId } = envelope;
    const life = this.#lives.get(pairId);
    if (life !== undefined) life.node.receive(envelope);
    else if (!this.#stopped && !this.#buried.has(pairId) && this.#concerns(envelope)) {
      // Somebody counts on this voter and it remembers nothing.
      this.#deps.audit(pairId, 'votes-lost', LOST);
      this.#open(pairId, freshState(false), true).receive(envelope);
    }
  }

  /**
   * A record shown to this voter. Makes a voter of one that had none: on disk when it resolves, and unless the pair is
   * brand-new its restart silence has passed too, because it may have voted and forgotten it. One that is counted on
   * already has forgotten it, and abstains until it has read both others.
   */
  async seed(pairId: string, chosen: Versioned, brandNew: boolean): Promise<void> {
    const forgot = !brandNew && chosen.record.voters.includes(this.#deps.self() ?? '');
    const state = { ...freshState(!forgot), promised: chosen.ballot, accepted: chosen, chosen };
    if (this.get(pairId) === null) await this.#deps.store.write(pairId, state);
    const node = this.get(pairId);
    if (node === null) {
      this.#buried.delete(pairId);
      this.#open(pairId, state, !brandNew);
      this.#deps.changed(pairId, chosen.record);
    } else if (this.#becomesMember(pairId)) this.rejoin(pairId, chosen);
    else node.voter.learn(chosen);
    this.#outsiders.look(pairId);
    if (brandNew) return;
    await this.#silenceOver(pairId);
    // The swap that makes it a voter comes only now.
    this.#outsiders.look(pairId);
  }

  /**
   * Whether what is held here is that record or a newer one, as the voters order them: by ballot, which begins with the
   * forced epoch and the configuration. Versions only count the changes of one history.
   */
  holds(pairId: string, chosen: Versioned): boolean {
    const held = this.chosen(pairId);
    return held !== null && compareBallot(held.ballot, chosen.ballot) >= 0;
  }

  /**
   * A member that has lost what it kept of the pair, its votes perhaps too, learns of it from the other: with its duties,
   * and as a voter only once it has read both others.
   */
  rejoin(pairId: string, chosen: Versioned): void {
    if (this.#buried.has(pairId)) return;
    const life = this.#lives.get(pairId);
    if (life !== undefined) life.ended = true;
    const node = this.#open(pairId, life?.node.voter.state ?? freshState(false), true);
    node.voter.learn(chosen);
    this.#deps.changed(pairId, node.record ?? chosen.record);
  }

  /** Nothing of the pair stays. */
  async bury(pairId: string): Promise<void> {
    const life = this.#lives.get(pairId);
    this.#buried.add(pairId);
    if (life === undefined) return;
    life.ended = true;
    this.#lives.delete(pairId);
    await this.#deps.store.remove(pairId);
  }

  #concerns({ chosen }: Envelope): boolean {
    const self = this.#deps.self();
    // Of a pair that is just being founded nothing is lost: its first record is on its way here.
    if (self === null || chosen === null || chosen.record.version === 1) return false;
    return chosen.record.voters.includes(self);
  }

  async #leave(pairId: string): Promise<void> {
    const left = this.#deps.leave?.(pairId) ?? null;
    if (left === null) {
      this.#deps.audit(pairId, 'vote-over', 'votes on the pair no more: others do');
      await this.bury(pairId);
    } else if (!(await left)) this.#outsiders.look(pairId);
  }

  #isOutside(pairId: string): boolean {
    const self = this.#deps.self() ?? '';
    const record = this.record(pairId);
    return record !== null && ![...record.voters, ...record.members].includes(self);
  }

  /** It only voted, or its vote had not ended yet, when it was made a member: a node has its duties from its beginning. */
  #becomesMember(pairId: string): boolean {
    return this.#lives.get(pairId)?.member === false && this.#deps.site(pairId) !== null;
  }

  /** A voter of this life that has forgotten nothing keeps no silence. */
  async #silenceOver(pairId: string): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#stopped && this.get(pairId)?.voter.grants.silent(clock.bootMs()) === true)
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, SILENCE_LOOK_MS));
  }

  #open(pairId: string, state: VoterState, restarted: boolean): PairNode {
    const deps = this.#deps;
    const site = deps.site(pairId);
    const life = { ended: this.#stopped, member: site !== null } as Life;
    const timing = (profile: LeaseRecord['profile']) => timingOf(profile, GUARD_BOUND_MS);
    life.node = new PairNode(
      { pairId, self: deps.self() ?? '', timing, state, restarted, site },
      {
        now: () => deps.clock.bootMs(),
        send: (envelope) => !life.ended && deps.send(envelope),
        save: (next, done) => this.#save(pairId, life, next, done),
        after: (ms, run) => void deps.clock.setTimeout(() => !life.ended && run(), ms),
        random: Math.random,
        audit: (event, text, evidence) => deps.audit(pairId, event, text, evidence),
      },
    );
    this.#lives.set(pairId, life);
    life.node.provider.subscribe((event) => {
      if (event.kind !== 'record' || life.ended) return;
      deps.changed(pairId, event.record);
      this.#outsiders.look(pairId);
    });
    this.#outsiders.look(pairId);
    if (this.#started) life.node.start();
    return life.node;
  }

  /** A life that has ended writes nothing: what took its place, or removed it, has the last word. */
  #save(pairId: string, life: Life, state: VoterState, done: (durable: boolean) => void): void {
    if (life.ended) return;
    this.#deps.store.write(pairId, state).then(
      () => !life.ended && done(true),
      (error) => {
        this.#deps.warn(`${pairId}: its vote could not be written: ${String(error)}`);
        if (!life.ended) done(false);
      },
    );
  }
}

const UNTIL_READ = 'it abstains until it has read both other voters';
const DAMAGED = `cannot believe what it kept of its votes: ${UNTIL_READ}`;
const LOST = `has lost its votes on the pair: ${UNTIL_READ}`;
