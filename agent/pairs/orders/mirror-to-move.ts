import * as v from 'valibot';
import { CONTRACT } from '../../lease/rules.ts';
import { setMode } from '../../lease/transitions.ts';
import {
  ExportAddress,
  type PairSpec,
  type Problem,
  ProblemError,
  type Result,
} from '../../protocol/index.ts';
import type { Step } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { isLive } from '../store.ts';
import { abandonCopy, CopyData, copySteps } from './copy.ts';

/**
 * A machine whose copy is kept by points changes sides as a mirrored one: what the last point lacks is sent, from then on every write is on both
 * hosts, and so nothing is lost, whichever way it moves and whatever breaks. Its way of before is in the description (`mirroredToMove`), so
 * whoever owns the machine afterwards goes back to it (after-move.ts), also when nothing came of the move.
 */
export const MoveData = v.object({
  ...CopyData.entries,
  standbyName: v.optional(v.string(), ''),
  overQuarantine: v.optional(v.boolean(), false),
  remote: v.optional(v.nullable(ExportAddress), null),
  /** It is kept by points, and has to be mirrored first. */
  mirrors: v.optional(v.boolean(), false),
});
export type MoveData = v.InferOutput<typeof MoveData>;

/** Why a copy that is kept by points is not turned into a mirrored one now; null when it can be. */
export function refuseMirror(context: PairContext, pairId: string): Problem | null {
  const { record, spec } = context.pair(pairId);
  const { name } = spec.workload;
  const other = context.other(spec);
  if (context.deps.peers.sight(other)?.reachable !== true) return context.unreachable(other);
  if (!isLive(context.vmState(spec.workload.uuid)))
    return {
      kind: 'guest-stopped',
      message: `${name} does not run: what it wrote since its last point is sent from a running machine.`,
      next: `Start ${name}, then switch over.`,
    };
  if (record.replica.state === 'stale' || record.replica.mode === 'sync') return null;
  return {
    kind: 'no-restore-point',
    message: `${context.nameOf(other)} has no complete point of ${name} yet.`,
    next: 'Wait until the first one is complete, then switch over.',
  };
}

/** What was agreed by an order that was cut short is agreed again, and changes nothing. */
async function mirrorFromNowOn(context: PairContext, data: MoveData): Promise<void> {
  must(await context.nodes.read(data.pairId));
  const refused = refuseMirror(context, data.pairId);
  if (refused) throw new ProblemError(refused);
  const { record } = context.pair(data.pairId);
  // Known to both hosts before the record says so: whoever owns the machine then goes back to points.
  must(await describe(context, data.pairId, { mirroredToMove: true }));
  await context.swap(data.pairId, setMode(record.epoch.n, context.self, 'sync', context.now(), CONTRACT));
}

/** Changes how the copy is said to be kept, durable here; the standby is offered it. */
export async function describe(
  context: PairContext,
  pairId: string,
  change: Pick<PairSpec, 'replication' | 'mirroredToMove'>,
): Promise<Result<unknown>> {
  await context.store.change(
    pairId,
    (kept) => kept && { ...kept, spec: { ...kept.spec, ...change, revision: kept.spec.revision + 1 } },
  );
  const { spec } = context.pair(pairId);
  const chosen = context.nodes.chosen(pairId);
  return context.deps.peers.to(context.other(spec)).call('spec.offer', { spec, chosen });
}

/** Left out of the order of a machine that is mirrored anyway. */
export function mirrorSteps<D extends MoveData>(context: PairContext): Step<D>[] {
  const first: Step<D> = {
    id: 'mirror',
    label: (data) => `Agree that ${data.subject} is mirrored while it moves`,
    cancellable: true,
    run: (data) => mirrorFromNowOn(context, data),
  };
  const when = ({ mirrors }: D): boolean => mirrors;
  return [first, ...copySteps<D>(context)].map((step) => ({ ...step, when }));
}

/** Of a move that came to nothing: half a copy is given up; one that agrees stays until the points go on. */
export async function abandonMirror(context: PairContext, data: MoveData): Promise<void> {
  const pair = context.store.get(data.pairId);
  if (!data.mirrors || !pair || pair.record.replica.state === 'in-sync') return;
  await abandonCopy(context, data);
}
