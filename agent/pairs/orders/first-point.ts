import { type MirrorStatus, type Problem, ProblemError } from '../../protocol/index.ts';
import type { StepIo } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { follow, recordPoints } from '../following.ts';
import { mib, transferred } from '../progress.ts';
import { untilStatus } from '../until-status.ts';

/** Of the data of an order that copies. */
interface Copied {
  pairId: string;
  subject: string;
  standbyName: string;
  /** A person ordered it over a quarantined copy. */
  overQuarantine: boolean;
}

/** What the copying steps do for a copy that is kept by points: the first one is what a mirror's full copy is. */

/** What follows, or mirrors, the pair now is ended: what the standby has stays as it is. */
export async function beforeFirstPoint(context: PairContext, { pairId }: Copied): Promise<void> {
  await context.verifies.end(pairId);
  must(await context.deps.source.end(pairId));
}

/** Until a new point is complete; the first failure ends it. */
export async function makeFirstPoint(
  context: PairContext,
  data: Copied,
  io: StepIo,
  broken: () => Problem | null,
): Promise<void> {
  const { source } = context.deps;
  await follow(context, data.pairId, data.overQuarantine);
  const before = source.status(data.pairId)?.follow?.point?.id ?? null;
  const end = await watched(context, data.pairId, io, before, broken);
  const point = end.follow?.point;
  const failed = point == null || point.id === before;
  if (failed) {
    await source.end(data.pairId);
    throw new ProblemError(end.problem ?? ended(data));
  }
  const gap = end.follow?.gapMs ?? 0;
  io.note(`${mib(point.bytes)}; the machine stood still for ${gap} ms`);
}

function watched(
  context: PairContext,
  pairId: string,
  io: StepIo,
  before: string | null,
  broken: () => Problem | null,
): Promise<MirrorStatus> {
  return untilStatus(context, io, {
    pairId,
    broken,
    ends(status) {
      io.progress(transferred(status.doneBytes, status.totalBytes, status.rateBps));
      const newer = status.follow?.point != null && status.follow.point.id !== before;
      return newer || status.problem !== null;
    },
    aborted: () => context.deps.source.end(pairId),
  });
}

/** The record says that there is something to start from, and the standby knows the record. */
export async function recordFirstPoint(context: PairContext, data: Copied): Promise<void> {
  const { pairId } = data;
  await recordPoints(context, pairId);
  const pair = context.pair(pairId);
  const chosen = context.nodes.chosen(pairId);
  if (chosen)
    must(
      await context.deps.peers
        .to(context.other(pair.spec))
        .call('record.keep', { chosen, brandNew: false, spec: null }),
    );
  await context.setNotes(pairId, (notes) => ({ ...notes, wantsStandby: null }));
  context.audit('first-point', pair, `${data.subject} has a complete point on ${data.standbyName}.`);
}

const ended = (data: Copied): Problem => ({
  kind: 'copy-broke',
  message: `The first point of ${data.subject} on ${data.standbyName} did not come about.`,
  next: `Check ${data.standbyName} and the network between the two, then start the copy again.`,
});
