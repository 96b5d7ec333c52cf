import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DurableFile } from '../journal/durable-file.ts';
import { freshState, VoterState } from '../lease/acceptor.ts';
import type { Envelope } from '../lease/messages.ts';
import { PairNode } from '../lease/node.ts';
import type { LeaseRecord, Versioned } from '../lease/record.ts';
import type { Site } from '../lease/site.ts';
import { GUARD_BOUND_MS, holdOf, timingOf } from '../lease/timing.ts';
import type { Change } from '../lease/transitions.ts';
import type { Peers } from '../peers/peers.ts';
import type { Clock, Log } from '../ports.ts';
import { fail, type Problem, ProblemError, type Result } from '../protocol/index.ts';
import { Outsiders } from './outsiders.ts';

/** How long a change is tried while the voters do not answer, ms; with a long lease their answers may take longer. */
const SWAP_MS = 15_000;

export interface NodesDeps {
  stateDir: string;
  selfHostId(): string | null;
  clock: Clock;
  log: Log;
  peers: Peers;
  /** What this host does about a pair it is a member of; null for one it only votes on. */
  site(pairId: string): Site | null;
  audit(pairId: string, event: string, text: string, evidence?: Record<string, string>): void;
  /** A newer record is known. */
  changed(pairId: string, record: LeaseRecord): void;
}

interface Life {
  node: PairNode;
  file: DurableFile<typeof VoterState>;
  ended: boolean;
}

/**
 * One voter a pair on this host, and with it the owner's or the standby's duties: the state machines of agent/lease on
 * this host's clock, disk and links. A witness has nothing but this.
 */
export class Nodes {
  readonly #deps: NodesDeps;
  readonly #directory: string;
  readonly #lives = new Map<string, Life>();
  /** Pairs that ended here: a late message must not bring one back. */
  readonly #buried = new Set<string>();
  readonly #outsiders: Outsiders;
  #unsubscribe: (() => void) | null = null;

  constructor(deps: NodesDeps) {
    this.#deps = deps;
    this.#directory = join(deps.stateDir, 'votes');
    this.#outsiders = new Outsiders({
      clock: deps.clock,
      isOutside: (pairId) => this.#isOutside(pairId),
      end: (pairId) => {
        deps.audit(pairId, 'vote-over', 'votes on the pair no more: others do');
        void this.bury(pairId).catch((error) => deps.log('warn', `${pairId}: ${String(error)}`));
      },
    });
  }

  /** Reads what this host has voted. `members` are those pairs of which it keeps a copy, whatever became of their votes. */
  async load(members: readonly string[]): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const states = new Map<string, VoterState>();
    for (const name of await readdir(this.#directory)) {
      if (!name.endsWith('.json')) continue;
      const pairId = name.slice(0, -'.json'.length);
      states.set(pairId, (await this.#read(pairId)) ?? freshState(false));
    }
    for (const pairId of members) if (!states.has(pairId)) states.set(pairId, freshState(false));
    for (const [pairId, state] of states) this.#open(pairId, state, true);
  }

  /** From here on the nodes act, and hear what others say. */
  start(): void {
    this.#unsubscribe = this.#deps.peers.onEnvelope((envelope) => this.#receive(envelope));
    for (const life of this.#lives.values()) life.node.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#outsiders.stop();
    const lives = [...this.#lives.values()];
    for (const life of lives) life.ended = true;
    await Promise.all(lives.map((life) => life.file.settled()));
  }

  get(pairId: string): PairNode | null {
    return this.#lives.get(pairId)?.node ?? null;
  }

  ids(): string[] {
    return [...this.#lives.keys()];
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

  /**
   * A pair's first record here, durable when it resolves. `brandNew`: nobody can have voted on this pair before; any
   * other newcomer keeps the restart silence first, because it may have voted and forgotten it.
   */
  async seed(pairId: string, first: Versioned, brandNew: boolean): Promise<void> {
    if (this.get(pairId) === null) {
      const state = { ...freshState(true), promised: first.ballot, accepted: first, chosen: first };
      const file = this.#file(pairId);
      await file.write(state);
      this.#buried.delete(pairId);
      this.#open(pairId, state, !brandNew).node.start();
      this.#deps.changed(pairId, first.record);
    } else this.get(pairId)?.voter.learn(first);
    this.#outsiders.look(pairId);
    if (!brandNew) await this.#silence(first.record);
  }

  /**
   * A member that has lost what it kept of the pair, its votes perhaps too, learns of it from the other: with its duties,
   * and as a voter only once it has read both others.
   */
  rejoin(pairId: string, chosen: Versioned): void {
    if (this.#buried.has(pairId)) return;
    const life = this.#lives.get(pairId);
    if (life !== undefined) life.ended = true;
    const { node } = this.#open(pairId, life?.node.voter.state ?? freshState(false), true);
    node.start();
    node.voter.learn(chosen);
    this.#deps.changed(pairId, node.record ?? chosen.record);
  }

  get buried(): ReadonlySet<string> {
    return this.#buried;
  }

  /** One swap, tried again while nobody knows its outcome or another one is under way. Throws ProblemError. */
  async swap(pairId: string, change: Change): Promise<LeaseRecord> {
    const leaseMs = timingOf(this.record(pairId)?.profile ?? 'balanced', GUARD_BOUND_MS).leaseMs;
    const until = this.#deps.clock.bootMs() + Math.max(SWAP_MS, 1.5 * leaseMs);
    for (;;) {
      const node = this.get(pairId);
      if (node === null) throw new ProblemError(noVote(pairId));
      const outcome = await node.provider.swap(change);
      if (outcome.kind === 'done') return outcome.record;
      if (outcome.kind === 'refused') throw new ProblemError(refused(outcome.reason));
      if (this.#deps.clock.bootMs() >= until) throw new ProblemError(noMajority);
      await new Promise<void>((resolve) => void this.#deps.clock.setTimeout(resolve, 50));
    }
  }

  async read(pairId: string): Promise<Result<LeaseRecord>> {
    const node = this.get(pairId);
    return node === null ? fail(noVote(pairId)) : node.provider.read();
  }

  /** Nothing of the pair stays. */
  async bury(pairId: string): Promise<void> {
    const life = this.#lives.get(pairId);
    this.#buried.add(pairId);
    if (life === undefined) return;
    life.ended = true;
    this.#lives.delete(pairId);
    await life.file.remove();
  }

  #receive(envelope: Envelope): void {
    const { pairId } = envelope;
    const life = this.#lives.get(pairId);
    if (life !== undefined) life.node.receive(envelope);
    else if (!this.#buried.has(pairId) && this.#concerns(envelope)) {
      // Somebody counts on this host and it remembers nothing: it abstains until it has read both others.
      this.#deps.log('warn', `${pairId}: its votes are lost here; asking the other voters`);
      const { node } = this.#open(pairId, freshState(false), true);
      node.start();
      node.receive(envelope);
    }
  }

  #concerns({ chosen }: Envelope): boolean {
    const self = this.#deps.selfHostId();
    // Of a pair that is just being founded nothing is lost: its first record is on its way here.
    if (self === null || chosen === null || chosen.record.version === 1) return false;
    return chosen.record.voters.includes(self);
  }

  #isOutside(pairId: string): boolean {
    const self = this.#deps.selfHostId() ?? '';
    const record = this.record(pairId);
    return record !== null && ![...record.voters, ...record.members].includes(self);
  }

  #open(pairId: string, state: VoterState, restarted: boolean): Life {
    const { clock, peers, selfHostId, log } = this.#deps;
    const file = this.#lives.get(pairId)?.file ?? this.#file(pairId);
    const life = { file, ended: false } as Life;
    life.node = new PairNode(
      {
        pairId,
        self: selfHostId() ?? '',
        timing: (profile) => timingOf(profile, GUARD_BOUND_MS),
        state,
        restarted,
        site: this.#deps.site(pairId),
      },
      {
        now: () => clock.bootMs(),
        send: (envelope) => !life.ended && peers.send(envelope),
        save: (next, done) => {
          if (life.ended) return;
          file.write(next).then(
            () => !life.ended && done(true),
            (error) => {
              log('warn', `${pairId}: its vote could not be written: ${String(error)}`);
              if (!life.ended) done(false);
            },
          );
        },
        after: (ms, run) => void clock.setTimeout(() => !life.ended && run(), ms),
        random: Math.random,
        audit: (event, text, evidence) => this.#deps.audit(pairId, event, text, evidence),
      },
    );
    this.#lives.set(pairId, life);
    life.node.provider.subscribe((event) => {
      if (event.kind !== 'record' || life.ended) return;
      this.#deps.changed(pairId, event.record);
      this.#outsiders.look(pairId);
    });
    this.#outsiders.look(pairId);
    return life;
  }

  #file(pairId: string): DurableFile<typeof VoterState> {
    return new DurableFile(join(this.#directory, `${pairId}.json`), VoterState);
  }

  /** Null when it cannot be believed: kept under another name, and never voted by. */
  async #read(pairId: string): Promise<VoterState | null> {
    const file = this.#file(pairId);
    const read = await file.read();
    if (read.ok) return read.value;
    this.#deps.log('warn', `${read.problem.message} It abstains until it has read the other voters.`);
    await rename(file.path, `${file.path}.damaged-${this.#deps.clock.now()}`);
    return null;
  }

  #silence(record: LeaseRecord): Promise<void> {
    const ms = holdOf(timingOf(record.profile, GUARD_BOUND_MS));
    return new Promise((resolve) => void this.#deps.clock.setTimeout(resolve, ms + 10));
  }
}

const noVote = (pairId: string): Problem => ({
  kind: 'pair-unknown',
  message: `This host has no vote on the pair ${pairId}.`,
  next: 'It may have ended meanwhile; look at the map again.',
});

export const noMajority: Problem = {
  kind: 'no-majority',
  message: "The pair's record could not be changed: too few of its voters answer.",
  next: 'Look which of the two hosts and the witness cannot be reached, and bring it back.',
};

const WHY: Record<string, string> = {
  superseded: 'The machine has changed sides meanwhile.',
  armed: 'The pair is armed: this can be changed only while it is not.',
  'not-in-sync': 'The copies do not agree: something would be lost.',
  'not-begun': 'The machine is just changing sides.',
};

const refused = (reason: string): Problem => ({
  kind: reason,
  message: WHY[reason] ?? `The pair's record does not allow it (${reason}).`,
  next: 'Look at the map again, and order it anew when it still makes sense.',
});
