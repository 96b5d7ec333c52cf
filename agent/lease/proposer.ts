import type { Body, Envelope } from './messages.ts';
import {
  audience,
  type Ballot,
  compareBallot,
  higher,
  type LeaseRecord,
  majority,
  NO_BALLOT,
  newest,
  type Versioned,
} from './record.ts';
import { type Change, isRefusal } from './transitions.ts';

export interface ProposerPorts {
  send(to: string, body: Body): void;
  after(ms: number, run: () => void): void;
  /** 0 <= x < 1. */
  random(): number;
  /** Newest chosen record known here: says who votes. */
  chosen(): Versioned | null;
  /** A value is known to be chosen. */
  learnt(chosen: Versioned): void;
}

export type Outcome =
  /** Chosen; `everyone`: every voter has accepted it. */
  | { kind: 'done'; value: Versioned; everyone: boolean }
  /** Nothing was proposed: the change does not fit the record found. */
  | { kind: 'refused'; reason: string; found: LeaseRecord }
  /** Nothing was proposed: no majority answered. */
  | { kind: 'unreachable' }
  /** It may have been chosen or not: not done for what it permits, done for what it forbids, until read back. */
  | { kind: 'unknown'; found: LeaseRecord };

interface Attempt {
  ballot: Ballot;
  change: Change;
  everyone: boolean;
  promises: Map<string, Versioned | null>;
  accepts: Set<string>;
  proposed: LeaseRecord | null;
  found: LeaseRecord | null;
  voters: readonly string[];
  config: number;
  done: (outcome: Outcome) => void;
}

interface Read {
  id: number;
  /** Those of a majority of these count; a standby without a vote is asked too, so that it hears of the record. */
  voters: readonly string[];
  config: number;
  answers: Map<string, Versioned | null>;
  done: (outcome: Outcome) => void;
}

/**
 * Changes and reads of the register (CASPaxos, Rystsov 2018, 2.2): one change at a time, each as prepare and accept.
 * A read asks everybody; when a majority names the same ballot it is chosen, otherwise it is written back first.
 */
export class Proposer {
  readonly #self: string;
  readonly #ports: ProposerPorts;
  readonly #timeoutMs: () => number;
  #highest: Ballot = NO_BALLOT;
  #attempt: Attempt | null = null;
  #read: Read | null = null;
  #ids = 0;

  constructor(self: string, timeoutMs: () => number, ports: ProposerPorts) {
    this.#self = self;
    this.#timeoutMs = timeoutMs;
    this.#ports = ports;
  }

  get busy(): boolean {
    return this.#attempt !== null || this.#read !== null;
  }

  /** One swap; `everyone` waits, within the time-out, for every voter and not only for a majority. */
  swap(change: Change, everyone: boolean, done: (outcome: Outcome) => void): void {
    const chosen = this.#ports.chosen();
    if (this.busy || chosen === null) {
      done({ kind: 'unreachable' });
      return;
    }
    const attempt = this.#start(change, everyone, chosen, done);
    this.#ports.after(this.#timeoutMs(), () => this.#expire(attempt));
  }

  /** The chosen record as of now, from a majority. */
  read(done: (outcome: Outcome) => void): void {
    const chosen = this.#ports.chosen();
    if (this.busy || chosen === null) {
      done({ kind: 'unreachable' });
      return;
    }
    this.#ids += 1;
    const read: Read = {
      id: this.#ids,
      voters: chosen.record.voters,
      config: chosen.record.config,
      answers: new Map(),
      done,
    };
    this.#read = read;
    for (const one of audience(chosen.record)) this.#ports.send(one, { kind: 'query', id: read.id });
    this.#ports.after(this.#timeoutMs(), () => this.#finishRead(read));
  }

  /** Promises, acceptances, refusals, states. */
  receive(envelope: Envelope): void {
    const { body, from } = envelope;
    if (body.kind === 'state')
      this.#state(from, body.id, body.sound ? body.accepted : undefined, body.promised);
    if (body.kind === 'nack') this.#nack(body.ballot, body.promised, body.reason);
    if (body.kind === 'promise') this.#promise(from, body.ballot, body.accepted);
    if (body.kind === 'accepted') this.#accepted(from, body.ballot);
  }

  /** A ballot above everything seen here, in the history and configuration of the newest chosen record. */
  nextBallot(): Ballot {
    const chosen = this.#ports.chosen();
    const top = higher(this.#highest, chosen?.ballot ?? NO_BALLOT);
    const config = chosen?.record.config ?? 0;
    const ballot = { force: top.force, config, round: top.round + 1, node: this.#self };
    // Behind by a configuration: it is outranked, and learns why with the refusal.
    this.#highest = higher(this.#highest, ballot);
    return ballot;
  }

  #start(change: Change, everyone: boolean, chosen: Versioned, done: Attempt['done']): Attempt {
    const attempt: Attempt = {
      ballot: this.nextBallot(),
      change,
      everyone,
      promises: new Map(),
      accepts: new Set(),
      proposed: null,
      found: null,
      voters: chosen.record.voters,
      config: chosen.record.config,
      done,
    };
    this.#attempt = attempt;
    for (const voter of attempt.voters) this.#ports.send(voter, { kind: 'prepare', ballot: attempt.ballot });
    return attempt;
  }

  #mine(ballot: Ballot): Attempt | null {
    const attempt = this.#attempt;
    return attempt !== null && compareBallot(attempt.ballot, ballot) === 0 ? attempt : null;
  }

  #promise(from: string, ballot: Ballot, accepted: Versioned | null): void {
    const attempt = this.#mine(ballot);
    if (attempt === null || attempt.proposed !== null || !attempt.voters.includes(from)) return;
    attempt.promises.set(from, accepted);
    if (attempt.promises.size < majority(attempt.voters)) return;
    const found = newestOf(attempt.promises.values())?.record;
    const half = found?.change === 'takeover' && !found.begun && found.owner !== this.#self;
    const all = attempt.promises.size === attempt.voters.length;
    if (!half || all) {
      this.#propose(attempt);
      return;
    }
    // Somebody's takeover, perhaps only half made: nobody but its owner can carry it through. The last voter can tell.
    this.#ports.after(this.#timeoutMs() / 4, () => {
      if (this.#attempt === attempt && attempt.proposed === null) this.#propose(attempt);
    });
  }

  #propose(attempt: Attempt): void {
    const base = baseOf(attempt);
    if (base === null) {
      this.#finish(attempt, { kind: 'unreachable' });
      return;
    }
    attempt.found = base.record;
    // A change of voters that may be chosen already is carried through unchanged; the new voters do the rest.
    const next = base.record.config === attempt.config ? attempt.change(base.record) : base.record;
    if (isRefusal(next)) {
      this.#finish(attempt, { kind: 'refused', reason: next.refused, found: base.record });
      return;
    }
    attempt.proposed = next;
    for (const voter of attempt.voters) {
      this.#ports.send(voter, { kind: 'accept', ballot: attempt.ballot, record: next });
    }
  }

  #accepted(from: string, ballot: Ballot): void {
    const attempt = this.#mine(ballot);
    if (attempt === null || attempt.proposed === null || !attempt.voters.includes(from)) return;
    attempt.accepts.add(from);
    const { size } = attempt.accepts;
    if (size === majority(attempt.voters)) {
      this.#ports.learnt({ ballot: attempt.ballot, record: attempt.proposed });
    }
    if (size === attempt.voters.length || (!attempt.everyone && size >= majority(attempt.voters))) {
      this.#expire(attempt);
    }
  }

  #nack(ballot: Ballot, promised: Ballot, reason: string): void {
    this.#highest = higher(this.#highest, promised);
    const attempt = this.#mine(ballot);
    const chosen = this.#ports.chosen();
    if (attempt === null || reason !== 'outranked' || attempt.proposed !== null || chosen === null) return;
    // Somebody else is at it: again, above that ballot, after a random pause so that two do not chase each other.
    const again: Attempt = { ...attempt, ballot: NO_BALLOT, promises: new Map() };
    this.#attempt = again;
    this.#ports.after(this.#ports.random() * Math.min(100, this.#timeoutMs() / 4), () => {
      const now = this.#ports.chosen() ?? chosen;
      if (this.#attempt === again) this.#start(again.change, again.everyone, now, again.done);
      const attempt = this.#attempt;
      if (attempt !== null) this.#ports.after(this.#timeoutMs(), () => this.#expire(attempt));
    });
  }

  /** The end of an attempt, by time or by enough answers. */
  #expire(attempt: Attempt): void {
    if (this.#attempt !== attempt) return;
    this.#finish(attempt, this.#outcome(attempt));
  }

  #outcome(attempt: Attempt): Outcome {
    const { ballot, proposed: record, found, accepts, voters } = attempt;
    if (record === null || found === null) return { kind: 'unreachable' };
    if (accepts.size < majority(voters)) return { kind: 'unknown', found };
    if (found.config !== attempt.config) return { kind: 'refused', reason: 'voters-changed', found: record };
    return { kind: 'done', value: { ballot, record }, everyone: accepts.size === voters.length };
  }

  #finish(attempt: Attempt, outcome: Outcome): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = null;
    attempt.done(outcome);
  }

  #state(from: string, id: number, accepted: Versioned | null | undefined, promised: Ballot): void {
    this.#highest = higher(this.#highest, promised);
    const read = this.#read;
    if (read === null || read.id !== id || accepted === undefined || !read.voters.includes(from)) return;
    read.answers.set(from, accepted);
    if (read.answers.size >= read.voters.length || this.#agreed(read) !== null) this.#finishRead(read);
  }

  /** The highest ballot named, when a majority names it. */
  #agreed(read: Read): Versioned | null {
    let top: Versioned | null = null;
    for (const [, accepted] of read.answers) top = newest(top, accepted);
    // Of a newer configuration these voters are not the majority that counts.
    if (top === null || top.ballot.config > read.config) return null;
    const { ballot } = top;
    let count = 0;
    for (const accepted of read.answers.values()) {
      if (accepted !== null && compareBallot(accepted.ballot, ballot) === 0) count += 1;
    }
    return count >= majority(read.voters) ? top : null;
  }

  #finishRead(read: Read): void {
    if (this.#read !== read) return;
    this.#read = null;
    const agreed = this.#agreed(read);
    if (agreed !== null) {
      this.#ports.learnt(agreed);
      read.done({ kind: 'done', value: agreed, everyone: false });
      return;
    }
    if (read.answers.size < majority(read.voters)) read.done({ kind: 'unreachable' });
    else this.swap((record) => record, false, read.done);
  }
}

function newestOf(all: Iterable<Versioned | null>): Versioned | null {
  let top: Versioned | null = null;
  for (const one of all) top = newest(top, one);
  return top;
}

/**
 * What the change is applied to: the newest accepted. When *every* voter has promised, and fewer than a majority hold the
 * newest, it is not chosen and never will be; then it is the newest of the others (one half-made takeover would otherwise
 * be in an owner's way that it cannot carry through).
 */
function baseOf({ promises, voters }: Attempt): Versioned | null {
  const top = newestOf(promises.values());
  if (top === null || promises.size < voters.length || top.record.change !== 'takeover') return top;
  const others = [...promises.values()].filter(
    (one) => one !== null && compareBallot(one.ballot, top.ballot) !== 0,
  );
  const holders = promises.size - others.length;
  return holders >= majority(voters) || top.record.begun ? top : newestOf(others);
}
