import * as v from 'valibot';
import { compareEpoch, Epoch, type Problem, ProblemError } from '../../protocol/index.ts';
import type { StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import { inUse, pathsOn } from '../coordinated/shared.ts';
import { pointModeOf } from '../modes.ts';
import { goBack } from '../points.ts';
import type { HostSite } from '../site.ts';
import { isLive, type StoredPair } from '../store.ts';

const FailoverData = v.object({
  pairId: v.string(),
  subject: v.string(),
  here: v.string(),
  /** The epoch the person saw when deciding. */
  expected: Epoch,
  forced: v.boolean(),
  /** Of a copy that is kept by points: the one to start from; null: the newest. */
  point: v.optional(v.nullable(v.string())),
});
export type FailoverData = v.InferOutput<typeof FailoverData>;

/** Why this copy must not be started, or null. */
export function unusable(context: PairContext, pair: StoredPair): Problem | null {
  const { subject, here } = { subject: pair.spec.workload.name, here: context.deps.selfName() };
  if (!pair.record.members.includes(context.self)) {
    return {
      kind: 'not-a-member',
      message: `${here} no longer stands by for ${subject}: another host does.`,
      next: `Fail over to ${pair.record.members.map((hostId) => context.nameOf(hostId)).join(' or ')}.`,
    };
  }
  if (pair.notes.quarantine) {
    return {
      kind: 'quarantined',
      message: `The copy of ${subject} on ${here} is an old one, set aside.`,
      next: `Fail over to the host that ran it last, or make ${here} the standby again.`,
    };
  }
  if (coordinatedModeOf(pair) && pair.record.replica.state === 'none') {
    return {
      kind: 'replica-incomplete',
      message: `The copy of ${subject} was never found to be a whole one: it cannot be started on ${here}.`,
      next: 'Bring the other host back; it looks after the copy.',
    };
  }
  if (pair.notes.touched) {
    return {
      kind: 'copy-touched',
      message: `Somebody else has been at the copy of ${subject} on ${here}: ${pair.notes.touched.text}`,
      next: 'Bring the other host back: everything is compared then. Or vouch for this copy on the page of the machine.',
    };
  }
  const byPoints = pointModeOf(pair) !== null;
  const points = context.deps.target.restore.list(pair.spec.pairId).length;
  // Points are whole whatever lies above them.
  const whole = byPoints ? points > 0 : pair.notes.image === 'complete' || pair.notes.image === 'point';
  if (!whole) {
    return {
      kind: 'replica-incomplete',
      message: `The copy of ${subject} on ${here} is not complete: it cannot be started.`,
      next: 'Bring the other host back; its copy is the only whole one.',
    };
  }
  return null;
}

/** Refuses when the old host still says that the guest runs there. Unreachable is no answer. */
async function refuseIfRunning(context: PairContext, pair: StoredPair, forced: boolean): Promise<void> {
  const other = context.other(pair.spec);
  const asked = await context.deps.peers
    .to(other)
    .call('vm.state', { vmUuid: pair.spec.workload.uuid }, { deadlineMs: 2_000 });
  if (asked.ok && isLive(asked.value.state)) {
    throw new ProblemError({
      kind: 'running-elsewhere',
      message: `${pair.spec.workload.name} runs on ${context.nameOf(other)}, which answers.`,
      next: 'Use Switch over: it moves the machine without the risk of two copies.',
    });
  }
  if (!forced && !(asked.ok && asked.value.state !== 'unknown')) {
    throw new ProblemError({
      kind: 'evidence-gone',
      message: `${context.nameOf(other)} no longer confirms that ${pair.spec.workload.name} is stopped.`,
      next: 'Open the dialog again and decide on the new evidence.',
    });
  }
}

/** Of shared disks there is no second set: whatever a person believes, a process that has them open keeps others from them. */
async function refuseInUse(context: PairContext, pair: StoredPair): Promise<void> {
  if (coordinatedModeOf(pair)?.kind !== 'shared') return;
  const problem = await inUse(context, pathsOn(pair.spec.disks, context.self));
  if (problem) throw new ProblemError(problem);
}

/** With a lease that has run out at a majority nothing has to be believed: the voters give the machine, or they do not. */
async function takeOver(context: PairContext, data: FailoverData): Promise<void> {
  const node = context.nodes.get(data.pairId);
  const outcome = await new Promise<string>((resolve) =>
    node ? node.askTakeOver(resolve) : resolve('refused: unknown'),
  );
  if (outcome === 'done') return;
  throw new ProblemError({
    kind: 'lease-not-over',
    message: `The voters do not give ${data.subject} to ${data.here} (${outcome}).`,
    next: 'Open the dialog again: either its lease still runs, or too few voters answer.',
  });
}

/** A copy that was being written over is put back to the whole one that was kept of it. */
async function backToWhole(context: PairContext, data: FailoverData): Promise<void> {
  const { notes, record } = context.pair(data.pairId);
  const { point } = notes;
  if (notes.image !== 'point') return;
  // Both had just agreed: it only was not written down here yet.
  if (record.replica.state === 'in-sync') {
    await context.setNotes(data.pairId, (known) => ({ ...known, image: 'complete', point: null }));
    return;
  }
  await goBack(context, data.pairId);
  const pair = context.pair(data.pairId);
  const problem = unusable(context, pair);
  if (problem) throw new ProblemError(problem);
  const until = point?.wholeUntil ? new Date(point.wholeUntil).toISOString() : 'an unknown time';
  context.audit(
    'went-back',
    pair,
    `The copy of ${data.subject} on ${data.here} was put back to what it was before it was being brought up to date: everything until ${until} is on it.`,
  );
}

/**
 * A copy that is kept by points starts from one of them; what was written since is given up, as the person was told. In
 * turn with whatever else touches the images: no later point may come in between.
 */
async function startFromPoint(context: PairContext, data: FailoverData): Promise<void> {
  const pair = context.pair(data.pairId);
  if (!pointModeOf(pair)) return;
  const disks = context.disks(pair.spec, context.self);
  const point = must(await context.deps.target.restore.surface(data.pairId, disks, data.point ?? null));
  context.audit(
    'point-chosen',
    pair,
    `The copy of ${data.subject} on ${data.here} starts from its point of ${new Date(point.at).toISOString()}${point.quiesced ? ', its file systems at rest' : ''}: what was written later is not on it.`,
    { point: point.id, at: String(point.at) },
  );
}

/** Given to this host, whose copy then was found to be unclean: it begins only by a person's decision. */
function forceBegin(context: PairContext, { record }: StoredPair, data: FailoverData): void {
  if (record.begun || record.change === 'forced' || !context.deps.target.isUnclean(data.pairId)) return;
  if (!data.forced) throw new ProblemError(mayLack(data));
  context.nodes.get(data.pairId)?.force(context.now());
}

const mayLack = ({ subject, here }: FailoverData): Problem => ({
  kind: 'replica-unclean',
  message: `The copy of ${subject} on ${here} ended uncleanly while it acknowledged writes from memory: some may be missing.`,
  next: 'Bring the other host back, then it is compared by itself; or open the dialog again and start it knowing that.',
});

async function claim(context: PairContext, data: FailoverData): Promise<void> {
  const pair = context.pair(data.pairId);
  if (context.isOwner(pair)) return forceBegin(context, pair, data);
  if (compareEpoch(pair.record.epoch, data.expected) !== 0) {
    throw new ProblemError({
      kind: 'epoch-moved',
      message: `${data.subject} has changed sides since you looked.`,
      next: 'Open the dialog again.',
    });
  }
  const problem = unusable(context, pair);
  if (problem) throw new ProblemError(problem);
  if (!data.forced && context.deps.target.isUnclean(data.pairId)) throw new ProblemError(mayLack(data));
  if (pair.record.armed && !data.forced) return takeOver(context, data);
  await refuseIfRunning(context, pair, data.forced);
  await refuseInUse(context, pair);
  await backToWhole(context, data);
  context.deps.target.restore.makeWay(data.pairId);
  await context.inTurn(data.pairId, async () => {
    await startFromPoint(context, data);
    context.nodes.get(data.pairId)?.force(context.now());
  });
  context.audit(
    'claimed',
    pair,
    `${data.here} becomes the owner of ${data.subject}${data.forced ? ', by order of a person, without proof that the old copy is stopped' : ''}.`,
    { epoch: String(context.pair(data.pairId).record.epoch.n), replica: pair.record.replica.state },
  );
}

/** The owner's duties of the lease do the rest: export closed, begun, first instruction. Their end is waited for here. */
export async function untilItRuns(
  context: PairContext,
  site: HostSite | null,
  data: Pick<FailoverData, 'pairId' | 'subject' | 'here'>,
  io: StepIo,
): Promise<void> {
  const uuid = context.pair(data.pairId).spec.workload.uuid;
  const superseded: Problem = {
    kind: 'epoch-moved',
    message: `${data.subject} has changed sides meanwhile.`,
    next: 'Look at the map again.',
  };
  context.nodes.look(data.pairId);
  await context.until(
    data.pairId,
    (record) => record.begun && context.isOwner({ record }) && context.vmState(uuid) === 'running',
    () => {
      if (io.signal.aborted) return superseded;
      if (!context.isOwner(context.pair(data.pairId))) return superseded;
      return site?.startProblem ?? null;
    },
  );
  io.note(`${data.subject} runs on ${data.here}`);
}

/** Starts the replica here: becomes the owner, closes the export, begins, runs. Repeating it after a failed start tries the start again. */
export function failoverOrder(
  context: PairContext,
  siteOf: (pairId: string) => HostSite | null,
): TaskDefinition<FailoverData> {
  return {
    kind: 'failover',
    data: FailoverData,
    steps: [
      {
        id: 'claim',
        label: (data) => `Make ${data.here} the owner of ${data.subject}`,
        cancellable: false,
        run: (data) => claim(context, data),
      },
      {
        id: 'run',
        label: (data) => `Close the replica to further writes, and start ${data.subject} on ${data.here}`,
        cancellable: false,
        async run(data, io) {
          const site = siteOf(data.pairId);
          if (site) site.startProblem = null;
          await untilItRuns(context, site, data, io);
          const pair = context.pair(data.pairId);
          const began = context.tasks.running(data.pairId)?.startedAt ?? null;
          if (began !== null) context.risks.cameUp(data.pairId, 'failover', began);
          context.audit('failed-over', pair, `${data.subject} runs on ${data.here}.`, {
            epoch: String(pair.record.epoch.n),
          });
        },
      },
    ],
  };
}
