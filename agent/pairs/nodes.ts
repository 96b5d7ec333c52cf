import { join } from 'node:path';
import type { LeaseRecord } from '../lease/record.ts';
import type { Site } from '../lease/site.ts';
import { GUARD_BOUND_MS, timingOf } from '../lease/timing.ts';
import type { Change } from '../lease/transitions.ts';
import { VoteFiles } from '../lease/vote-store.ts';
import { Voters } from '../lease/voters.ts';
import type { Peers } from '../peers/peers.ts';
import type { Clock, Log } from '../ports.ts';
import { fail, type Problem, ProblemError, type Result } from '../protocol/index.ts';

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
  /** See VotersDeps. */
  leave(pairId: string): Promise<boolean> | null;
}

/**
 * The votes of this host, and with them the owner's or the standby's duties: agent/lease on this host's clock, disk and
 * links; and changes of a record as the orders of this host make them. A witness has nothing but this.
 */
export class Nodes extends Voters {
  readonly #clock: Clock;
  readonly #peers: Peers;
  #unsubscribe: (() => void) | null = null;

  constructor({ stateDir, selfHostId, clock, log, peers, site, audit, changed, leave }: NodesDeps) {
    super({
      self: selfHostId,
      store: new VoteFiles(join(stateDir, 'votes'), () => clock.now()),
      clock,
      send: (envelope) => peers.send(envelope),
      site,
      audit,
      warn: (text) => log('warn', text),
      changed,
      leave,
    });
    this.#clock = clock;
    this.#peers = peers;
  }

  /** They hear what others say, too. */
  override start(): void {
    this.#unsubscribe = this.#peers.onEnvelope((envelope) => this.receive(envelope));
    super.start();
  }

  override async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    await super.stop();
  }

  /** One swap, tried again while nobody knows its outcome or another one is under way. Throws ProblemError. */
  async swap(pairId: string, change: Change): Promise<LeaseRecord> {
    const leaseMs = timingOf(this.record(pairId)?.profile ?? 'balanced', GUARD_BOUND_MS).leaseMs;
    const until = this.#clock.bootMs() + Math.max(SWAP_MS, 1.5 * leaseMs);
    for (;;) {
      const node = this.get(pairId);
      if (node === null) throw new ProblemError(noVote(pairId));
      const outcome = await node.provider.swap(change);
      if (outcome.kind === 'done') return outcome.record;
      if (outcome.kind === 'refused') throw new ProblemError(refused(outcome.reason));
      if (this.#clock.bootMs() >= until) throw new ProblemError(noMajority);
      await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, 50));
    }
  }

  async read(pairId: string): Promise<Result<LeaseRecord>> {
    const node = this.get(pairId);
    return node === null ? fail(noVote(pairId)) : node.provider.read();
  }
}

const noVote = (pairId: string): Problem => ({
  kind: 'pair-unknown',
  message: `This host has no vote on the pair ${pairId}.`,
  next: 'It may have ended meanwhile; look at the map again.',
});

const noMajority: Problem = {
  kind: 'no-majority',
  message: "The pair's record could not be changed: too few of its voters answer.",
  next: 'Look which of the two hosts and the witness cannot be reached, and bring it back.',
};

const WHY: Record<string, string> = {
  superseded: 'The machine has changed sides meanwhile.',
  armed: 'The pair is armed: this can be changed only while it is not.',
  'others-vote': 'Its voters were changed meanwhile: the standby changes only while the owner alone votes.',
  'not-in-sync': 'The copies do not agree: something would be lost.',
  'not-begun': 'The machine is just changing sides.',
  mode: 'A copy that is kept by points, or by a replication that is not synchronous, lacks what was written last: only a person may fail over to it, so its failover is manual.',
  keeper: 'Who keeps the copy is chosen when the machine is protected.',
};

const refused = (reason: string): Problem => ({
  kind: reason,
  message: WHY[reason] ?? `The pair's record does not allow it (${reason}).`,
  next: 'Look at the map again, and order it anew when it still makes sense.',
});
