import { accept, learn, prepare, recover, type Verdict, type VoterState } from './acceptor.ts';
import { Grants } from './grants.ts';
import { type Body, type Envelope, isRequest, type Progress } from './messages.ts';
import { type Ballot, compareBallot, type LeaseRecord, NO_BALLOT, type Versioned } from './record.ts';
import { CONTRACT, type Rules } from './rules.ts';
import type { Timing } from './timing.ts';

/** What a voter needs of the world. `save` is fsynced when `done(true)` comes; `done(false)` leaves old or new on disk. */
export interface VoterPorts {
  now(): number;
  send(envelope: Envelope): void;
  save(state: VoterState, done: (durable: boolean) => void): void;
  audit(text: string): void;
}

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
  #state: VoterState;
  /** What is on disk counts `writes` up to here; everything above is waiting. */
  #dirty = false;
  #savingSince: number | null = null;
  #diskWell = true;
  /** Nothing leaves before this life's incarnation is on disk; what leaves tells only what is on disk. */
  #durable: Progress;
  #rollbackJudged = false;
  /** Others heard in this life. A restarted voter votes on the record only after both, or after one hold (R). */
  readonly #heard = new Set<string>();
  readonly #probationUntil: number;
  #waiting: { needs: number; envelope: Envelope }[] = [];
  /** Told when a newer chosen record was learnt. */
  onChosen: (chosen: Versioned) => void = () => undefined;

  constructor(options: VoterOptions, ports: VoterPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#rules = options.rules ?? CONTRACT;
    this.grants = new Grants(options.timing, options.restarted ? ports.now() : null, this.#rules);
    this.#state = options.state;
    const probation = options.restarted && this.#rules.continuity;
    this.#probationUntil = probation ? ports.now() + options.timing.holdMs : Number.NEGATIVE_INFINITY;
    this.#durable = { incarnation: options.state.incarnation, writes: options.state.writes };
    // Rule *incarnation*: every start is a durable step up before anything is answered.
    this.#change({ ...options.state, incarnation: options.state.incarnation + 1 });
  }

  get state(): VoterState {
    return this.#state;
  }
  get chosen(): Versioned | null {
    return this.#state.chosen;
  }
  /** False until this life's incarnation is durable; nothing may be sent before. */
  get ready(): boolean {
    return this.#durable.incarnation > this.#options.state.incarnation;
  }

  /** A lease means that the record can be written (R): the last save worked, and none has been waiting too long. */
  diskWell(): boolean {
    const waited = this.#savingSince === null ? 0 : this.#ports.now() - this.#savingSince;
    return this.#diskWell && waited <= this.#options.timing.fsyncLimitMs;
  }

  envelope(to: string, body: Body): Envelope {
    return {
      pairId: this.#options.pairId,
      from: this.#options.self,
      to,
      config: this.#state.chosen?.record.config ?? 0,
      progress: this.#durable,
      origin: this.#origin(),
      seen: this.#state.seen[to] ?? null,
      chosen: this.#rules.gossip ? this.#state.chosen : null,
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
    return envelope.config === (this.#state.chosen?.record.config ?? envelope.config);
  }

  /** Adopts a newer chosen record, durable before anything is decided by it (M/R). */
  learn(chosen: Versioned): void {
    const before = this.#state;
    const after = learn(before, chosen);
    if (after === before) return;
    if (after.accepted !== before.accepted) this.#change(after);
    else this.#state = after;
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
    this.#ports.audit('its history is whole again: both other voters were read');
    this.#rollbackJudged = true;
    this.#change(recover(this.#state, fence, accepted, this.#state.incarnation));
  }

  /** Fleet's first record of a pair, or the record a new voter is given before it counts. */
  seed(chosen: Versioned): void {
    this.learn(chosen);
  }

  /** It may have been put back to an older day and not know it yet: whoever could tell is heard first. */
  #onProbation(): boolean {
    if (this.#ports.now() > this.#probationUntil) return false;
    const voters = this.#state.chosen?.record.voters ?? [];
    return !voters.every((voter) => voter === this.#options.self || this.#heard.has(voter));
  }

  #decide(envelope: Envelope): Body | null {
    const { body, from } = envelope;
    if ((body.kind === 'prepare' || body.kind === 'accept') && this.#onProbation()) {
      return { kind: 'nack', ballot: body.ballot, promised: this.#state.promised, reason: 'probation' };
    }
    switch (body.kind) {
      case 'prepare': {
        const verdict = prepare(this.#state, body.ballot);
        if (!verdict.ok) return this.#nack(body.ballot, verdict);
        this.#change(verdict.state);
        return { kind: 'promise', ballot: body.ballot, accepted: verdict.state.accepted };
      }
      case 'accept':
        return this.#accept(from, body.ballot, body.record);
      case 'query':
        return {
          kind: 'state',
          id: body.id,
          accepted: this.#state.accepted,
          promised: this.#state.promised,
          sound: this.#state.sound,
        };
      case 'lease':
        return this.#lease(from, body.id, body.candidate);
      case 'release':
        this.grants.release(from, body.id);
        return null;
      default:
        return null;
    }
  }

  #accept(from: string, ballot: Ballot, record: LeaseRecord): Body {
    const granted = !this.#rules.coupling || this.grants.holder(this.#ports.now()) === from;
    const verdict = accept(this.#state, ballot, record, granted);
    if (!verdict.ok) return this.#nack(ballot, verdict);
    this.#change(verdict.state);
    return { kind: 'accepted', ballot };
  }

  #nack(ballot: Ballot, verdict: Verdict & { ok: false }): Body {
    return { kind: 'nack', ballot, promised: verdict.promised, reason: verdict.reason };
  }

  #lease(from: string, id: number, candidate: boolean): Body {
    const holds = this.#state.accepted?.ballot ?? NO_BALLOT;
    const record = this.#state.accepted?.record ?? null;
    const reason = !this.#state.sound
      ? 'unsound'
      : !this.diskWell()
        ? 'disk'
        : this.grants.request(from, id, candidate, record, this.#ports.now());
    return reason === null ? { kind: 'granted', id, holds } : { kind: 'denied', id, holds, reason };
  }

  /** Keeps the most it has seen of the sender, and tells whether this message is from its present life. */
  #fresh(envelope: Envelope): boolean {
    const { from, progress } = envelope;
    if (from === this.#options.self) return true;
    const known = this.#state.seen[from];
    if (!this.#rules.continuity) return true;
    if (known !== undefined && (progress.incarnation < known.incarnation || restored(envelope, known))) {
      // It has to hear of it: the answer carries what was seen of it.
      if (isRequest(envelope.body) && this.ready) this.#ports.send(this.envelope(from, { kind: 'gossip' }));
      return false;
    }
    const newLife = known === undefined || progress.incarnation > known.incarnation;
    if (newLife) this.#change({ ...this.#state, seen: { ...this.#state.seen, [from]: progress } });
    else if (progress.writes > known.writes) {
      // Goes to disk with the next write: one fsync a message would be the price of more.
      this.#state = { ...this.#state, seen: { ...this.#state.seen, [from]: progress } };
    }
    return true;
  }

  /** Others know more of this voter than it does itself: its disk was put back to an older day (R). */
  #compareWithSeen(seen: Progress, by: string): void {
    const mine = this.#state;
    if (!behind(mine, seen) && !this.#backAtStart(seen)) return;
    this.#rollbackJudged = true;
    this.#ports.audit(`${by} has seen a later state of this voter: it was restored, and abstains`);
    this.#change({ ...mine, sound: false, incarnation: Math.max(mine.incarnation, seen.incarnation) + 1 });
  }

  /** The life before this one had written more than the disk this life started from. */
  #backAtStart(seen: Progress): boolean {
    // What was seen of the present life itself says nothing about where it started from.
    const before = seen.incarnation < this.#state.incarnation;
    return !this.#rollbackJudged && before && behind(this.#options.state, seen);
  }

  #change(state: VoterState): void {
    this.#state = { ...state, writes: this.#state.writes + 1 };
    this.#dirty = true;
    this.#save();
  }

  #save(): void {
    if (this.#savingSince !== null || !this.#dirty) return;
    const saving = this.#state;
    const began = this.#ports.now();
    this.#dirty = false;
    this.#savingSince = began;
    this.#ports.save(saving, (durable) => this.#saved(saving, began, durable));
  }

  #saved(saving: VoterState, began: number, durable: boolean): void {
    this.#savingSince = null;
    this.#diskWell = durable && this.#ports.now() - began <= this.#options.timing.fsyncLimitMs;
    if (!durable) {
      // Old or new may be on disk: nothing that rests on it is said, and it is written again at the next occasion.
      this.#waiting = this.#waiting.filter((one) => one.needs < saving.writes);
      this.#dirty = true;
      return;
    }
    this.#durable = { incarnation: saving.incarnation, writes: saving.writes };
    const ready = this.#waiting.filter((one) => one.needs <= saving.writes);
    this.#waiting = this.#waiting.filter((one) => one.needs > saving.writes);
    for (const one of ready) this.#ports.send({ ...one.envelope, progress: this.#durable });
    this.#save();
  }

  /**
   * Tries a failed or slow disk again; call now and then. Without it a voter that has nothing to write would never find
   * out that its disk is well again (found by the simulator, seed 2623).
   */
  retry(): void {
    if (!this.#diskWell) this.#dirty = true;
    this.#save();
  }

  #reply(to: string, body: Body): void {
    const envelope = this.envelope(to, body);
    // A denial rests on nothing durable, and says that the disk is ill.
    if (body.kind === 'denied' && this.ready) this.#ports.send(envelope);
    else if (this.#savingSince === null && !this.#dirty) this.#ports.send(envelope);
    else this.#waiting.push({ needs: this.#state.writes, envelope });
  }
}

/** A new life that started from less than was seen of the one before. */
const restored = ({ progress, origin }: Envelope, known: Progress): boolean =>
  origin !== null && progress.incarnation > known.incarnation && behind(origin, known);

const behind = (a: Progress, b: Progress): boolean =>
  a.incarnation < b.incarnation || (a.incarnation === b.incarnation && a.writes < b.writes);

/** True when `voter` holds at least `ballot`: it has the record that was chosen there, or a later one. */
export const holdsAtLeast = (holds: Ballot, ballot: Ballot): boolean => compareBallot(holds, ballot) >= 0;
