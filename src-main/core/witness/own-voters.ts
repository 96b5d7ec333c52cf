import type { VoterState } from '../../../agent/lease/acceptor.ts';
import { freshState } from '../../../agent/lease/acceptor.ts';
import type { Envelope } from '../../../agent/lease/messages.ts';
import { PairNode } from '../../../agent/lease/node.ts';
import type { LeaseRecord, Versioned } from '../../../agent/lease/record.ts';
import { GUARD_BOUND_MS, timingOf } from '../../../agent/lease/timing.ts';
import type { VoterStore } from './voter-store.ts';

/** How long a goodbye may take: then the owners notice by themselves that this voter is gone. */
const GOODBYE_MS = 3_000;
const SILENCE_SLACK_MS = 10;

export interface OwnVotersDeps {
  self: string;
  store: VoterStore;
  send(envelope: Envelope): void;
  /** Whether anything sent to this host arrives now. */
  reaches(hostId: string): boolean;
  audit(pairId: string, event: string, text: string, evidence?: Record<string, string>): void;
}

interface Life {
  node: PairNode;
  ended: boolean;
}

/**
 * The votes of this workstation: agent/lease's voter for each pair that chose it as its witness. Time is the process'
 * monotonic clock: where that stands still while the workstation sleeps, a grant is honoured for longer, never shorter.
 */
export class OwnVoters {
  readonly #deps: OwnVotersDeps;
  readonly #lives = new Map<string, Life>();
  /** Pairs that let this witness go: a late message must not bring one back. */
  readonly #buried = new Set<string>();
  #closed = false;

  constructor(deps: OwnVotersDeps) {
    this.#deps = deps;
  }

  /** Takes up what it voted before, after the silence of a restart. */
  async open(): Promise<void> {
    for (const [pairId, state] of await this.#deps.store.load()) this.#open(pairId, state, true);
  }

  ids(): string[] {
    return [...this.#lives.keys()];
  }

  record(pairId: string): LeaseRecord | null {
    return this.#lives.get(pairId)?.node.record ?? null;
  }

  receive(envelope: Envelope): void {
    const { pairId } = envelope;
    const life = this.#lives.get(pairId);
    if (life !== undefined) life.node.receive(envelope);
    else if (!this.#closed && !this.#buried.has(pairId) && this.#concerns(envelope)) {
      // Somebody counts on this voter and it remembers nothing: it abstains until it has read both others.
      this.#open(pairId, freshState(false), true).receive(envelope);
    }
  }

  /** A record shown by a member. Makes a voter: on disk, and after its silence, when it resolves. */
  async keep(chosen: Versioned, brandNew: boolean): Promise<{ current: boolean }> {
    const { pairId, profile } = chosen.record;
    const life = this.#lives.get(pairId);
    if (life === undefined) {
      const state = { ...freshState(true), promised: chosen.ballot, accepted: chosen, chosen };
      await this.#deps.store.write(pairId, state);
      this.#buried.delete(pairId);
      this.#open(pairId, state, !brandNew);
      if (!brandNew) await pause(timingOf(profile, GUARD_BOUND_MS).holdMs + SILENCE_SLACK_MS);
    } else life.node.voter.learn(chosen);
    const record = this.record(pairId);
    return { current: record !== null && record.version >= chosen.record.version };
  }

  async forget(pairId: string): Promise<void> {
    const life = this.#lives.get(pairId);
    this.#buried.add(pairId);
    if (life === undefined) return;
    life.ended = true;
    this.#lives.delete(pairId);
    await this.#deps.store.remove(pairId);
  }

  /** Before sleep or quit: owners disarm at once, so that nothing freezes later. Resolves when they have, or in a while. */
  async goodbye(): Promise<void> {
    const { reaches } = this.#deps;
    const heard = [...this.#lives.values()].filter(({ node }) => node.record?.members.some(reaches));
    const said = heard.map(({ node }) => new Promise<void>((resolve) => node.goodbye(true, resolve)));
    if (said.length > 0) await Promise.race([Promise.all(said), pause(GOODBYE_MS)]);
  }

  /** It stays after all, or is awake again. */
  stay(): void {
    for (const { node } of this.#lives.values()) node.goodbye(false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const life of this.#lives.values()) life.ended = true;
    this.#lives.clear();
    await this.#deps.store.settled();
  }

  #concerns({ chosen }: Envelope): boolean {
    // Of a pair that is just being founded nothing is lost: its first record is on its way here.
    if (chosen === null || chosen.record.version === 1) return false;
    return chosen.record.voters.includes(this.#deps.self);
  }

  #open(pairId: string, state: VoterState, restarted: boolean): PairNode {
    const { self, store, send, audit } = this.#deps;
    const life = { ended: false } as Life;
    const alive = (): boolean => !life.ended;
    life.node = new PairNode(
      { pairId, self, timing: (profile) => timingOf(profile, GUARD_BOUND_MS), state, restarted, site: null },
      {
        now: () => performance.now(),
        send: (envelope) => alive() && send(envelope),
        save(next, done) {
          store.write(pairId, next).then(
            () => alive() && done(true),
            () => alive() && done(false),
          );
        },
        after: (ms, run) => void setTimeout(() => alive() && run(), ms).unref(),
        random: Math.random,
        audit: (event, text, evidence) => audit(pairId, event, text, evidence),
      },
    );
    this.#lives.set(pairId, life);
    life.node.start();
    return life.node;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());
