import { type MirrorStatus, type Problem, ProblemError } from '../../protocol/index.ts';
import type { StepIo } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { untilStatus } from '../until-status.ts';
import { attend, recordAttended } from './attending.ts';
import { coordinatedModeOf, ownsFiles } from './mode.ts';

/** What the copying steps do where nothing is copied: the other host stands by, and the copy is looked at once. */

interface Attended {
  pairId: string;
  subject: string;
  standbyName: string;
  /** A person ordered it over a quarantined copy. */
  overQuarantine: boolean;
}

export function isAttended(context: PairContext, { pairId }: Pick<Attended, 'pairId'>): boolean {
  const pair = context.store.get(pairId);
  return pair !== null && coordinatedModeOf(pair) !== null;
}

/** What was looked at until now is not any more. */
export async function beforeFirstLook(context: PairContext, { pairId }: Attended): Promise<void> {
  must(await context.deps.source.end(pairId));
}

/** Until the copy was found to be one; the first failure ends it. */
export async function firstLook(
  context: PairContext,
  data: Attended,
  io: StepIo,
  broken: () => Problem | null,
): Promise<void> {
  await attend(context, data.pairId, data.overQuarantine);
  const ends = ({ state }: MirrorStatus): boolean => state !== 'connecting';
  const found = await untilStatus(context, io, { pairId: data.pairId, broken, ends });
  if (found.state === 'broken') {
    await context.deps.source.end(data.pairId);
    throw new ProblemError(found.problem ?? notFound(data));
  }
  if (found.attended?.line) io.note(found.attended.line);
}

/** What was found is in the record, and the standby knows the record. */
export async function recordFirstLook(context: PairContext, data: Attended): Promise<void> {
  const { pairId } = data;
  // The agent that had begun to look after it has ended since.
  if (context.deps.source.status(pairId) === null) await attend(context, pairId, data.overQuarantine);
  context.nodes.look(pairId);
  await recordAttended(context, pairId);
  // The owner records *in sync* by itself (agent/lease/owner.ts); a copy that is behind is recorded above.
  await context.until(
    pairId,
    ({ replica }) => replica.state === 'in-sync' || replica.state === 'stale',
    () => {
      const status = context.deps.source.status(pairId);
      const good = status !== null && status.state !== 'broken';
      return good ? null : (status?.problem ?? notFound(data));
    },
  );
  const pair = context.pair(pairId);
  const chosen = context.nodes.chosen(pairId);
  if (chosen)
    must(
      await context.deps.peers
        .to(context.other(pair.spec))
        .call('record.keep', { chosen, brandNew: false, spec: null }),
    );
  await context.setNotes(pairId, (notes) => ({ ...notes, wantsStandby: null }));
  context.audit(
    'attended',
    pair,
    `${data.standbyName} stands by for ${data.subject}: ${context.deps.source.status(pairId)?.attended?.line ?? ''}`,
  );
}

/** Nothing of ours stays beside the machine's disks. */
export async function clearTokens(context: PairContext, pairId: string): Promise<void> {
  const kept = context.store.kept(pairId);
  if (!kept || ownsFiles({ record: context.nodes.record(pairId), spec: kept.spec })) return;
  for (const { path } of context.disks(kept.spec, context.self))
    await context.deps.coordinated?.removeToken(path);
}

const notFound = (data: Attended): Problem => ({
  kind: 'copy-not-found',
  message: `It could not be found out how the copy of ${data.subject} is.`,
  next: `Check ${data.standbyName}, then order it again.`,
});
