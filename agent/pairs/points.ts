import { ProblemError } from '../protocol/index.ts';
import type { ReplicaDisk } from '../replication/replication.ts';
import { must, type PairContext } from './context.ts';
import type { StoredPair } from './store.ts';

/** What an image takes on disk; not known counts as nothing. */
export const bytesOf = async (context: PairContext, path: string): Promise<number> =>
  (await context.deps.target.allocatedBytes(path)) ?? 0;

/** What has changed is known in grains of 4 KiB at least, and kept in clusters of 64 KiB. */
const SPREAD = 16;

/**
 * A whole copy is about to be written over in disorder: its state is kept beside it, so that a second failure in the
 * middle finds a copy that starts. Without room for it the resync goes on all the same, and is told.
 */
export async function sealPoint(
  context: PairContext,
  pair: StoredPair,
  disks: ReplicaDisk[],
  wholeUntil: number | null,
  changedBytes: number | null,
): Promise<void> {
  const { target, selfName } = context.deps;
  const { pairId, workload } = pair.spec;
  const atMost = changedBytes === null ? undefined : changedBytes * SPREAD;
  const room = await target.roomBeside(disks, atMost);
  const taken = room ? await target.points.take(pairId, 'seal', disks) : null;
  if (taken?.ok) {
    await context.setNotes(pairId, (notes) => ({
      ...notes,
      image: 'point',
      point: { kind: 'seal', wholeUntil },
    }));
    return;
  }
  const why = taken ? taken.problem.message : `${selfName()} has no room for it.`;
  context.audit(
    'no-point',
    pair,
    `Until the copy of ${workload.name} on ${selfName()} is whole again there is none to go back to: ${why}`,
  );
}

/** Puts the copy back to the whole one there is; afterwards it is complete, or worth nothing when the point is gone. */
export async function goBack(context: PairContext, pairId: string): Promise<void> {
  const { target } = context.deps;
  const pair = context.pair(pairId);
  const disks = context.disks(pair.spec, context.self);
  const { point, aside } = pair.notes;
  if (pair.notes.image !== 'point' || !point) return;
  if (point.kind === 'seal') {
    const back = await target.backToPoint(pairId, disks);
    if (!back.ok && back.problem.kind !== 'point-gone') throw new ProblemError(back.problem);
    // What is left of a point that did not stand takes room and is worth nothing.
    if (!back.ok) must(await target.points.undo(pairId, 'seal', disks));
    const image = back.ok ? ('complete' as const) : ('partial' as const);
    await context.setNotes(pairId, (notes) => ({ ...notes, image, point: null, generation: null }));
    return;
  }
  // The last one put there of each disk: it may itself lie on an older one.
  const below: Record<string, string> = Object.fromEntries(
    aside.flatMap(({ under, path }) => (under ? [[under, path]] : [])),
  );
  must(await target.backUnder(pairId, disks, below));
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    image: 'complete',
    point: null,
    generation: null,
    aside: notes.aside.filter(({ path }) => !Object.values(below).includes(path)),
  }));
}

/** The standby's own word: the owner, if it lives, records that the copy is stale, because it takes no writes any more. */
export function tellUnclean(context: PairContext, pairId: string): void {
  const pair = context.store.get(pairId);
  if (!pair) return;
  context.audit(
    'replica-unclean',
    pair,
    `The copy of ${pair.spec.workload.name} on ${context.deps.selfName()} ended uncleanly while it acknowledged from memory: it is not taken over before it was compared.`,
  );
}
