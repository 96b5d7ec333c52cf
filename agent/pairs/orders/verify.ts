import * as v from 'valibot';
import {
  type ExportAddress,
  fail,
  type Problem,
  ProblemError,
  type Result,
  VerifyFound,
  type VerifyResult,
} from '../../protocol/index.ts';
import type { Verified } from '../../replication/replication.ts';
import type { Step, StepIo, TaskDefinition } from '../../tasks/runner.ts';
import type { PairContext } from '../context.ts';
import { distrust, withResult } from '../distrust.ts';
import { mib, transferred } from '../progress.ts';
import { untilRead } from './reading.ts';
import { brokeOff, INTERRUPTED, refuseVerify } from './verify-problems.ts';

const VerifyData = v.object({
  pairId: v.string(),
  subject: v.string(),
  /** Whose copy is compared. */
  standby: v.string(),
  standbyName: v.string(),
  /** The order's id, which becomes the result's. */
  id: v.string(),
  by: v.string(),
  /** Wall clock, ms. */
  orderedAt: v.number(),
  found: v.optional(v.nullable(VerifyFound), null),
});
export type VerifyData = v.InferOutput<typeof VerifyData>;

/** How long a standby that does not answer is waited for when nothing depends on its answer, ms. */
const FAREWELL_MS = 5_000;

/** Compares the copy with the running machine beside the replication: journalled, cancellable, and gone without a trace. */
export function verifyOrder(
  context: PairContext,
  othersRun: (pairId: string) => boolean,
): TaskDefinition<VerifyData> {
  const comparison = new Comparison(context, othersRun);
  const step = (
    id: string,
    label: (data: VerifyData) => string,
    run: (data: VerifyData, io: StepIo) => Promise<void>,
  ): Step<VerifyData> => ({
    id,
    label,
    cancellable: true,
    async run(data, io) {
      // What was written while no agent looked is in a bitmap that nobody vouches for.
      if (io.resumed || !comparison.begun(data, id === 'check')) throw new ProblemError(INTERRUPTED);
      await run(data, io);
    },
  });
  return {
    kind: 'verify',
    data: VerifyData,
    steps: [
      step(
        'check',
        ({ standbyName }) => `See whether the copy on ${standbyName} is in sync`,
        async (data) => comparison.check(data),
      ),
      step(
        'compare',
        ({ subject }) => `Read both copies of ${subject} and compare them`,
        (data, io) => comparison.compare(data, io),
      ),
      {
        // Before anything that waits for the standby: a copy that differs must not be counted on for a moment longer.
        id: 'keep',
        label: () => 'Keep the result',
        cancellable: false,
        run: (data) => comparison.keep(data, null),
      },
      {
        id: 'end',
        label: () => 'Clear away what it needed',
        cancellable: false,
        run: (data) => comparison.end(data),
      },
    ],
    async undo(data, problem) {
      await comparison.end(data);
      await comparison.keep(data, problem);
    },
  };
}

class Comparison {
  readonly #context: PairContext;
  readonly #othersRun: (pairId: string) => boolean;
  /** Comparisons whose first step ran in this life of the agent. */
  readonly #begun = new Set<string>();

  constructor(context: PairContext, othersRun: (pairId: string) => boolean) {
    this.#context = context;
    this.#othersRun = othersRun;
  }

  begun({ id }: VerifyData, first: boolean): boolean {
    if (first) this.#begun.add(id);
    return this.#begun.has(id);
  }

  check(data: VerifyData): void {
    const pair = this.#context.pair(data.pairId);
    const refused = refuseVerify(this.#context, pair, this.#othersRun(data.pairId));
    if (refused) throw new ProblemError(refused);
  }

  async compare(data: VerifyData, io: StepIo): Promise<void> {
    const { source } = this.#context.deps;
    const lost = new AbortController();
    const unwatch = source.subscribe((pairId, { state }) => {
      if (pairId === data.pairId && state !== 'in-sync') lost.abort();
    });
    const signal = AbortSignal.any([io.signal, lost.signal]);
    const side = this.#sides(io);
    try {
      const found = await source.verify(data.pairId, {
        begun: () => this.#standbyReads(data, signal, (done) => side('theirs', done)),
        signal,
        progress: (done, total) => side('own', done, total),
      });
      if (!found.ok) throw new ProblemError(lost.signal.aborted ? brokeOff(data) : found.problem);
      data.found = foundIn(found.value);
      io.note(inWords(data.found));
    } finally {
      unwatch();
      io.progress(null);
    }
  }

  /** Asks the standby to read its side, and resolves with what it offers then. */
  async #standbyReads(
    data: VerifyData,
    signal: AbortSignal,
    progress: (doneBytes: number) => void,
  ): Promise<Result<ExportAddress>> {
    const { pairId } = data;
    const to = this.#context.deps.peers.to(data.standby);
    const started = await to.call('standby.verify', { pairId });
    if (!started.ok) return fail(started.problem);
    return untilRead(this.#context.deps.clock, {
      ask: () => to.call('standby.verified', { pairId }),
      givenUp: () => (signal.aborted ? brokeOff(data) : null),
      progress,
    });
  }

  /** Both sides read at once: the slower one is what is told. */
  #sides(io: StepIo): (which: 'own' | 'theirs', done: number, total?: number) => void {
    const { clock } = this.#context.deps;
    const began = clock.bootMs();
    const read = { own: 0, theirs: 0 };
    let totalBytes = 0;
    return (which, done, total) => {
      read[which] = done;
      totalBytes = total ?? totalBytes;
      if (totalBytes === 0) return;
      const doneBytes = Math.min(read.own, read.theirs, totalBytes);
      const seconds = (clock.bootMs() - began) / 1000;
      const rateBps = seconds > 0 ? Math.round(doneBytes / seconds) : 0;
      io.progress(transferred(doneBytes, totalBytes, rateBps));
    };
  }

  /** On both hosts, at whatever was left. What the standby could not be told it clears away by itself, at the next or its end. */
  async end({ pairId, standby, subject }: VerifyData): Promise<void> {
    const { source, peers, log } = this.#context.deps;
    await source.endVerify(pairId);
    const told = await peers.to(standby).call('standby.verifyEnd', { pairId }, { deadlineMs: FAREWELL_MS });
    if (!told.ok) log('info', `comparison of ${subject}: ${told.problem.message}`);
  }

  async keep(data: VerifyData, problem: Problem | null): Promise<void> {
    const { pairId, id, by, standby: host, found } = data;
    const pair = this.#context.store.get(pairId);
    if (!pair) return;
    const at = this.#context.now();
    const tookMs = Math.max(0, at - data.orderedAt);
    const outcome = outcomeOf(found, problem);
    const result: VerifyResult = { id, at, host, by, outcome, found, problem, tookMs, repairedAt: null };
    if (outcome === 'differs' && this.#context.isOwner(pair)) await distrust(this.#context, pairId, result);
    else await this.#context.setNotes(pairId, (notes) => withResult(notes, result));
    this.#context.audit(EVENTS[outcome], pair, this.#told(data, problem), evidence(found));
  }

  #told({ subject, standbyName, found }: VerifyData, problem: Problem | null): string {
    const copy = `The copy of ${subject} on ${standbyName}`;
    if (problem || !found) return `${copy} was not compared with it: ${problem?.message ?? ''}`;
    return found.differingBytes === 0
      ? `${copy} is the same as the machine's disks: ${inWords(found)}.`
      : `${copy} is not the same as the machine's disks: ${inWords(found)}. It is not counted on, and is repaired now.`;
  }
}

const EVENTS: Record<VerifyResult['outcome'], string> = {
  alike: 'replica-alike',
  differs: 'replica-differs',
  failed: 'verify-failed',
  cancelled: 'verify-cancelled',
};

function outcomeOf(found: VerifyFound | null, problem: Problem | null): VerifyResult['outcome'] {
  if (problem || !found) return problem?.kind === 'cancelled' ? 'cancelled' : 'failed';
  return found.differingBytes === 0 ? 'alike' : 'differs';
}

const foundIn = ({ totalBytes, readBytes, writtenBytes, differing }: Verified): VerifyFound => ({
  totalBytes,
  readBytes,
  writtenBytes,
  differingBytes: differing.bytes,
  places: differing.places,
});

function inWords({ totalBytes, writtenBytes, differingBytes }: VerifyFound): string {
  const written = writtenBytes === 0 ? '' : `, ${mib(writtenBytes)} of it written meanwhile`;
  const differs = differingBytes === 0 ? '' : `; ${mib(differingBytes)} differ`;
  return `${mib(totalBytes)} compared${written}${differs}`;
}

function evidence(found: VerifyFound | null): Record<string, string> | undefined {
  if (!found) return undefined;
  const { places, ...bytes } = found;
  const told = Object.fromEntries(Object.entries(bytes).map(([key, value]) => [key, String(value)]));
  const at = places.map(({ target, offset, length }) => `${target} ${offset}+${length}`).join(', ');
  return { ...told, ...(at === '' ? {} : { places: at }) };
}
