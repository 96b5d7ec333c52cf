import { type PeerApi, ProblemError, type ResultOf } from '../protocol/index.ts';
import { must, type PairContext } from './context.ts';
import { readingLost } from './orders/verify-problems.ts';
import type { StoredPair } from './store.ts';

/** The pair while this host stands by for it; whether its replica is open, the storage daemon says. */
function standingBy(context: PairContext, pairId: string): StoredPair {
  const pair = context.pair(pairId);
  const { members } = pair.record;
  if (!context.isOwner(pair) && members.includes(context.self) && !pair.notes.quarantine) return pair;
  throw new ProblemError({
    kind: 'not-standby',
    message: `${context.deps.selfName()} does not stand by for ${pair.spec.workload.name}.`,
    next: 'Look at the map again: the machine has changed sides meanwhile.',
  });
}

/** The standby's side of a comparison beside the running replication: begins to read the open replica. */
export async function readReplica(context: PairContext, pairId: string): Promise<Record<never, never>> {
  const { spec } = standingBy(context, pairId);
  must(await context.deps.target.digestOpen(pairId, context.disks(spec, context.self)));
  return {};
}

/** How far that is; once it is done its digests are offered, if the replica is still open. */
export async function replicaRead(
  context: PairContext,
  pairId: string,
): Promise<ResultOf<PeerApi, 'standby.verified'>> {
  const { target, selfName } = context.deps;
  const { spec } = standingBy(context, pairId);
  const status = target.digesting(pairId);
  if (status?.problem) throw new ProblemError(status.problem);
  if (!status) throw new ProblemError(readingLost(selfName()));
  const { doneBytes, totalBytes, done } = status;
  if (!done) return { doneBytes, totalBytes, remote: null };
  const remote = must(await target.offerDigests(pairId, context.disks(spec, context.self)));
  return { doneBytes, totalBytes, remote };
}

export async function endReading(context: PairContext, pairId: string): Promise<Record<never, never>> {
  const kept = context.store.kept(pairId);
  // An owner's daemon has nothing of the pair; a comparison before a copy (`standby.prepare`) is not this order's to end.
  if (kept && context.deps.target.isOpen(pairId))
    must(await context.deps.target.endDigest(pairId, context.disks(kept.spec, context.self)));
  return {};
}
