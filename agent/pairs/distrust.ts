import type { VerifyResult } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import { isDistrusted, type LocalNotes } from './store.ts';

/** Results of comparisons kept for each pair on each host. */
const KEPT = 20;

export const withResult = (notes: LocalNotes, result: VerifyResult): LocalNotes => ({
  ...notes,
  verifies: [result, ...notes.verifies.filter(({ id }) => id !== result.id)].slice(0, KEPT),
});

/** Whether the copy of this host's machine is known to be wrong in places that nobody can tell any more. */
export function distrusts(context: PairContext, pairId: string): boolean {
  const kept = context.store.kept(pairId);
  return kept !== null && isDistrusted(kept.notes, context.nodes.record(pairId));
}

/**
 * The copy differs: durable before anything else. From here on this host does not count it as whole (site.ts), so that the
 * owner's duties disarm the pair and have it copied; what is copied then is everything that a comparison tells apart.
 */
export async function distrust(context: PairContext, pairId: string, result: VerifyResult): Promise<void> {
  const { epoch } = context.pair(pairId).record;
  await context.setNotes(pairId, (notes) => ({ ...withResult(notes, result), distrusts: epoch }));
  context.nodes.look(pairId);
}

/** Everything has been compared, or copied anew, and is on the standby: what differed is made good. */
export async function madeGood(
  context: PairContext,
  { pairId, subject, standbyName }: { pairId: string; subject: string; standbyName: string },
): Promise<void> {
  if (!distrusts(context, pairId)) return;
  const at = context.now();
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    distrusts: null,
    verifies: notes.verifies.map((result) =>
      result.outcome === 'differs' && result.repairedAt === null ? { ...result, repairedAt: at } : result,
    ),
  }));
  context.audit(
    'replica-repaired',
    context.pair(pairId),
    `The copy of ${subject} on ${standbyName} agrees with it again: everything was compared, or copied anew.`,
  );
  context.nodes.look(pairId);
}
