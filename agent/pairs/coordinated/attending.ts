import { CONTRACT } from '../../lease/rules.ts';
import { replicaBecomes } from '../../lease/transitions.ts';
import { fail, mayBeWhole, type Problem, ProblemError, type Result } from '../../protocol/index.ts';
import type { Attended } from '../../replication/replication.ts';
import { must, type PairContext } from '../context.ts';
import { KeepGoing } from '../keep-going.ts';
import { isLive } from '../store.ts';
import { hypervisorAnswers } from '../waits.ts';
import { lookAtExternal } from './external.ts';
import { coordinatedModeOf } from './mode.ts';
import { LOCK_EVERY_LOOKS, pathsOn, proveShared } from './shared.ts';

/** From one proof that both hosts reach the same files to the next, ms. */
const SHARED_EVERY_MS = 2_000;

/** Begins to look after the copy: the other host stands by first. Throws ProblemError. */
export async function attend(context: PairContext, pairId: string, overQuarantine: boolean): Promise<void> {
  const pair = context.pair(pairId);
  const mode = coordinatedModeOf(pair);
  const chosen = context.nodes.chosen(pairId);
  const other = context.other(pair.spec);
  if (!mode || chosen === null) throw new ProblemError(context.unreachable(other));
  await hypervisorAnswers(context);
  const { uuid } = pair.spec.workload;
  if (!isLive(context.vmState(uuid))) throw new ProblemError(notRunning(context, pairId));
  must(
    await context.deps.peers.to(other).call('standby.attend', { spec: pair.spec, chosen, overQuarantine }),
  );
  must(
    await context.deps.source.attend({
      pairId,
      vmUuid: uuid,
      mayBeWhole: mayBeWhole(mode),
      settles: mode.kind === 'external',
      everyMs: mode.kind === 'shared' ? SHARED_EVERY_MS : mode.everyS * 1_000,
      look: looking(context, pairId),
    }),
  );
}

function looking(context: PairContext, pairId: string): () => Promise<Result<Attended>> {
  let looks = 0;
  return async () => {
    const pair = context.store.get(pairId);
    if (!pair) return fail(ended);
    try {
      if (coordinatedModeOf(pair)?.kind === 'external') return await lookAtExternal(context, pair);
      // A machine that does not run yet, or any more, holds no locks.
      const locks = isLive(context.vmState(pair.spec.workload.uuid)) && looks % LOCK_EVERY_LOOKS === 0;
      const disks = pathsOn(pair.spec.disks, context.self);
      const proof = await proveShared(context, { disks, other: context.other(pair.spec), locks });
      // Asked again at the next look until it was answered.
      if (proof.ok) looks += 1;
      else looks = 0;
      return proof;
    } catch (error) {
      if (error instanceof ProblemError) return fail(error.problem);
      throw error;
    }
  };
}

/** A copy that is behind, but can be started: written into the record, once. */
export async function recordAttended(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  const status = context.deps.source.status(pairId);
  if (!pair || !coordinatedModeOf(pair) || !context.isOwner(pair) || !status?.attended?.at) return;
  const { record } = pair;
  const startable = status.state === 'following' || status.state === 'copying';
  if (!startable || record.replica.state !== 'none' || !record.begun) return;
  await context.swap(pairId, replicaBecomes(record.epoch.n, context.self, 'stale', context.now(), CONTRACT));
}

/** Keeps the look at copies going that somebody else keeps. */
export class Attending {
  readonly #going: KeepGoing;

  constructor(context: () => PairContext) {
    this.#going = new KeepGoing(context, {
      word: 'attending',
      idle: (pairId) => context().deps.source.status(pairId) === null,
      begin: (pairId, over) => attend(context(), pairId, over),
    });
  }

  request(pairId: string): void {
    this.#going.request(pairId);
  }
}

const notRunning = (context: PairContext, pairId: string): Problem => {
  const { name } = context.pair(pairId).spec.workload;
  return {
    kind: 'guest-stopped',
    message: `${name} does not run on ${context.deps.selfName()}.`,
    next: `Start ${name}; its copy is then looked after by itself.`,
  };
};

const ended: Problem = {
  kind: 'pair-unknown',
  message: 'The pair is not known here any more.',
  next: 'Look at the map again.',
};
