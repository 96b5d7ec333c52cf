import { accept, learn, prepare, recover, type Verdict, type VoterState } from './acceptor.ts';
import { Changes } from './audit.ts';
import { Durable, type DurablePorts } from './durable.ts';
import { Grants, type LeaseRequest } from './grants.ts';
import { type Body, type Envelope, isRequest, type Progress } from './messages.ts';
import { type Ballot, type LeaseRecord, NO_BALLOT, type Versioned } from './record.ts';
import { CONTRACT, type Rules } from './rules.ts';
import type { Timing } from './timing.ts';

/** What a voter needs of the world. `save` is fsynced when `done(true)` comes; `done(false)` leaves old or new on disk. */
export type VoterPorts = DurablePorts;

export interface VoterOptions {
  pairId: string;
  self: string;
  timing: Timing;
  rules?: Rules;
  /** As read from disk. */
  state: VoterState;
  /** False for a voter that has never run before: nothing it could have forgotten. */
  restarted: boolean;
}

/**
 * One pair's voter: durable record, volatile lease, continuity. Answers leave only after everything they rest on is
 * durable; a voter whose disk failed or was slow says so by granting no lease (R).
 */
export class Voter {
  readonly #options: VoterOptions;
  readonly #ports: VoterPorts;
  readonly #rules: Rules;
  readonly grants: Grants;
  readonly #changes: Changes;
  readonly #durable: Durable;
  #rollbackJudged = false;
  /** Others heard in this life. A restarted voter votes on the record only after both, or after one hold (R). */
  readonly #heard = new Set<string>();
  readonly #probationUntil: number;
  /** Told when a newer chosen record was learnt. */
  onChosen: (chosen: Versioned) => void = () => undefined;

  constructor(options: VoterOptions, ports: VoterPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#changes = new Changes(ports.audit);
    this.#rules = options.rules ?? CONTRACT;
    const { state, timing, restarted } = options;
    const startedAt = restarted ? ports.now() : null;
    this.grants = new Grants(timing, startedAt, this.#rules, state.longestHoldMs);
    this.#durable = new Durable(state, () => timing.fsyncLimitMs, ports);
    const probation = restarted && this.#rules.continuity;
    this.#probationUntil = probation
      ? ports.now() + Math.max(timing.holdMs, state.longestHoldMs)
      : Number.NEGATIVE_INFINITY;
    // Rule *incarnation*: every start is a durable step up before anything is answered.
    this.#durable.change({ ...state, incarnation: state.incarnation + 1 });
  }

  get state(): VoterState {
    return this.#durable.state;
  }
  get chosen(): Versioned | null {
    return this.state.chosen;
  }
  get ready(): boolean {
    return this.#durable.ready;
  }

  envelope(to: string, body: Body): Envelope {
    return {
      pairId: this.#options.pairId,
      from: this.#options.self,
      to,
      config: this.state.chosen?.record.config ?? 0,
      progress: this.#durable.progress,
      origin: this.#origin(),
      seen: this.state.seen[to] ?? null,
      chosen: this.#rules.gossip ? this.state.chosen : null,
      body,
    };
  }

  /** Continuity is claimed only by a life that has not been told otherwise. */
  #origin(): Progress | null {
    const { incarnation, writes, sound } = this.#options.state;
    return sound && !this.#rollbackJudged ? { incarnation, writes } : null;
  }

  /** False when the message must not be looked at any further: from a lower incarnation, or of another configuration. */
  admit(envelope: Envelope): boolean {
    if (!this.#fresh(envelope)) return false;
    this.#heard.add(envelope.from);
    if (this.#rules.continuity && envelope.seen !== null) this.#compareWithSeen(envelope.seen, envelope.from);
    if (this.#rules.gossip && envelope.chosen !== null) this.learn(envelope.chosen);
    return envelope.config === (this.state.chosen?.record.config ?? envelope.config);
  }

  /** Adopts a newer chosen record, durable before anything is decided by it (M/R). */
  learn(chosen: Versioned): void {
    const before = this.state;
    const after = learn(before, chosen);
    if (after === before) return;
    if (after.accepted !== before.accepted) this.#durable.change(after);
    else this.#durable.later(after);
    this.onChosen(chosen);
  }

  /** Answers a request that `admit` let through; `admitted` false answers only with what this voter knows. */
  answer(envelope: Envelope, admitted: boolean): void {
    if (!isRequest(envelope.body)) return;
    const body = admitted ? this.#decide(envelope) : ({ kind: 'gossip' } as const);
    if (body !== null) this.#reply(envelope.from, body);
  }

  /** Told the highest accepted of *both* others, read under `fence`. */
  recovered(fence: Ballot, accepted: Versioned | null): void {
    // A takeover that reached one of the others only counts as two with this voter: not while a lease that its former
    // life granted may be alive.
    if (this.grants.silent(this.#ports.now())) return;
    this.#ports.audit('voter-sound', 'its history is whole again: both other voters were read');
    this.#rollbackJudged = true;
    this.#durable.change(recover(this.state, fence, accepted, this.state.incarnation));
  }

  /**
   * A person's override, written here first. The only voter of a pair without a witness, its state lost, has nobody to
   * read its history from: the person stands in for it.
   */
  forced(chosen: Versioned): void {
    const alone = chosen.record.voters.length === 1 && chosen.record.owner === this.#options.self;
    if (alone && !this.state.sound) {
      this.#rollbackJudged = true;
      this.#durable.change({ ...this.state, sound: true });
    }
    this.learn(chosen);
  }

  /** Now and then: a disk that was ill is tried again, and silence that nothing rests on any more is forgotten. */
  retry(): void {
    this.#durable.retry();
    const longest = this.grants.longestHoldMs(this.#ports.now());
    if (this.state.longestHoldMs > longest) this.#durable.change({ ...this.state, longestHoldMs: longest });
  }

  /** Fleet's first record of a pair, or the record a new voter is given before it counts. */
  seed(chosen: Versioned): void {
    this.learn(chosen);
  }

  /** It may have been put back to an older day and not know it yet: whoever could tell is heard first. */
  #onProbation(): boolean {
    if (this.#ports.now() > this.#probationUntil) return false;
    const voters = this.state.chosen?.record.voters ?? [];
    return !voters.every((voter) => voter === this.#options.self || this.#heard.has(voter));
  }

  #decide(envelope: Envelope): Body | null {
    const { body, from } = envelope;
    if ((body.kind === 'prepare' || body.kind === 'accept') && this.#onProbation()) {
      return { kind: 'nack', ballot: body.ballot, promised: this.state.promised, reason: 'probation' };
    }
    switch (body.kind) {
      case 'prepare': {
        const verdict = prepare(this.state, body.ballot);
        if (!verdict.ok) return this.#nack(body.ballot, verdict);
        this.#durable.change(verdict.state);
        return { kind: 'promise', ballot: body.ballot, accepted: verdict.state.accepted };
      }
      case 'accept':
        return this.#accept(body.ballot, body.record);
      case 'query':
        return {
          kind: 'state',
          id: body.id,
          accepted: this.state.accepted,
          promised: this.state.promised,
          sound: this.state.sound,
        };
      case 'lease':
        return this.#lease({ from, id: body.id, candidate: body.candidate, leaseMs: body.leaseMs });
      case 'release':
        this.grants.release(from, body.id);
        return null;
      default:
        return null;
    }
  }

  #accept(ballot: Ballot, record: LeaseRecord): Body {
    // The new owner's lease, whoever carries its takeover through: an owner that finds the other's takeover half made and
    // writes it back must not complete it under its own lease (found by the simulator, seed 22850).
    const granted = !this.#rules.coupling || this.grants.holder(this.#ports.now()) === record.owner;
    const verdict = accept(this.state, ballot, record, granted);
    if (!verdict.ok) return this.#nack(ballot, verdict);
    this.#durable.change(verdict.state);
    return { kind: 'accepted', ballot };
  }

  #nack(ballot: Ballot, verdict: Verdict & { ok: false }): Body {
    return { kind: 'nack', ballot, promised: verdict.promised, reason: verdict.reason };
  }

  #lease(asked: LeaseRequest): Body {
    const { id } = asked;
    const holds = this.state.accepted?.ballot ?? NO_BALLOT;
    const now = this.#ports.now();
    const reason = !this.state.sound
      ? 'unsound'
      : !this.#durable.well()
        ? 'disk'
        : this.grants.request(asked, this.state.accepted?.record ?? null, now);
    this.#tellVote(asked, reason);
    if (reason !== null) return { kind: 'denied', id, holds, reason };
    // The answer waits until a later life is sure to keep silent for as long.
    const longestHoldMs = this.grants.longestHoldMs(now);
    if (longestHoldMs > this.state.longestHoldMs) this.#durable.change({ ...this.state, longestHoldMs });
    return { kind: 'granted', id, holds };
  }

  #tellVote({ from, candidate }: LeaseRequest, reason: string | null): void {
    const as = candidate ? 'candidate' : 'owner';
    if (reason === null) this.#changes.tell('vote', `${from} ${as}`, `gives its vote to ${from}, as ${as}`);
    else
      this.#changes.tell(
        'vote',
        `${from} ${as} ${reason}`,
        `refuses its vote to ${from}, as ${as}: ${reason}`,
      );
  }

  /** Keeps the most it has seen of the sender, and tells whether this message is from its present life. */
  #fresh(envelope: Envelope): boolean {
    const { from, progress } = envelope;
    if (from === this.#options.self) return true;
    const known = this.state.seen[from];
    if (!this.#rules.continuity) return true;
    if (known !== undefined && (progress.incarnation < known.incarnation || restored(envelope, known))) {
      // It has to hear of it: the answer carries what was seen of it.
      if (isRequest(envelope.body) && this.ready) this.#ports.send(this.envelope(from, { kind: 'gossip' }));
      return false;
    }
    const newLife = known === undefined || progress.incarnation > known.incarnation;
    if (newLife) this.#durable.change({ ...this.state, seen: { ...this.state.seen, [from]: progress } });
    else if (progress.writes > known.writes) {
      this.#durable.later({ ...this.state, seen: { ...this.state.seen, [from]: progress } });
    }
    return true;
  }

  /** Others know more of this voter than it does itself: its disk was put back to an older day (R). */
  #compareWithSeen(seen: Progress, by: string): void {
    const mine = this.state;
    if (!behind(mine, seen) && !this.#backAtStart(seen)) return;
    this.#rollbackJudged = true;
    this.#ports.audit(
      'voter-restored',
      `${by} has seen a later state of this voter: it was restored, and abstains`,
    );
    this.#durable.change({
      ...mine,
      sound: false,
      incarnation: Math.max(mine.incarnation, seen.incarnation) + 1,
    });
  }

  /** The life before this one had written more than the disk this life started from. */
  #backAtStart(seen: Progress): boolean {
    // What was seen of the present life itself says nothing about where it started from.
    const before = seen.incarnation < this.state.incarnation;
    return !this.#rollbackJudged && before && behind(this.#options.state, seen);
  }

  #reply(to: string, body: Body): void {
    const envelope = this.envelope(to, body);
    // A denial rests on nothing durable, and says that the disk is ill.
    if (body.kind === 'denied' && this.ready) this.#ports.send(envelope);
    else this.#durable.say(envelope);
  }
}

/** A new life that started from less than was seen of the one before. */
const restored = ({ progress, origin }: Envelope, known: Progress): boolean =>
  origin !== null && progress.incarnation > known.incarnation && behind(origin, known);

const behind = (a: Progress, b: Progress): boolean =>
  a.incarnation < b.incarnation || (a.incarnation === b.incarnation && a.writes < b.writes);
