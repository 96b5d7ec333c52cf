import * as v from 'valibot';
import { compareEpoch, Epoch, type Problem, ProblemError } from '../../protocol/index.ts';
import type { TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { claimed } from '../record.ts';
import { beginHere } from '../standby.ts';
import { isLive, type StoredPair } from '../store.ts';

const FailoverData = v.object({
  pairId: v.string(),
  subject: v.string(),
  here: v.string(),
  /** The epoch the person saw when deciding. */
  expected: Epoch,
  forced: v.boolean(),
});
export type FailoverData = v.InferOutput<typeof FailoverData>;

/** Why this copy must not be started, or null. */
export function unusable(context: PairContext, pair: StoredPair): Problem | null {
  const { subject, here } = { subject: pair.spec.workload.name, here: context.deps.selfName() };
  if (pair.notes.quarantine) {
    return {
      kind: 'quarantined',
      message: `The copy of ${subject} on ${here} is an old one, set aside.`,
      next: `Fail over to the host that ran it last, or make ${here} the standby again.`,
    };
  }
  if (pair.notes.image !== 'complete') {
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

async function claim(context: PairContext, data: FailoverData): Promise<void> {
  const pair = context.pair(data.pairId);
  if (context.isOwner(pair)) return;
  if (compareEpoch(pair.record.epoch, data.expected) !== 0) {
    throw new ProblemError({
      kind: 'epoch-moved',
      message: `${data.subject} has changed sides since you looked.`,
      next: 'Open the dialog again.',
    });
  }
  const problem = unusable(context, pair);
  if (problem) throw new ProblemError(problem);
  await refuseIfRunning(context, pair, data.forced);
  const after = await context.setRecord(data.pairId, (record) =>
    claimed(record, context.self, data.forced ? context.self : null, context.now()),
  );
  context.audit(
    'claimed',
    after,
    `${data.here} becomes the owner of ${data.subject}${data.forced ? ', by order of a person, without proof that the old copy is stopped' : ''}.`,
    { epoch: String(after.record.epoch.n), replica: pair.record.replica.state },
  );
}

/** An unforced claim counts only once the other member has accepted it; a forced one is told to whoever can hear. */
async function tellOther(context: PairContext, data: FailoverData): Promise<void> {
  const told = await context.exchange(data.pairId);
  if (data.forced) return;
  if (!context.isOwner(must(told))) {
    throw new ProblemError({
      kind: 'epoch-moved',
      message: `${data.subject} has changed sides meanwhile.`,
      next: 'Look at the map again.',
    });
  }
}

/** Starts the replica here: claim, close the export, begin, run. Repeating it after a failed start tries the start again. */
export function failoverOrder(context: PairContext): TaskDefinition<FailoverData> {
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
        id: 'tell',
        label: () => 'Tell the other host, if it can hear',
        cancellable: false,
        async run(data, io) {
          const other = context.other(context.pair(data.pairId).spec);
          // A silent host must not delay the machine's return: it learns the record before it may start anything.
          if (data.forced && context.deps.peers.sight(other)?.reachable !== true)
            io.note(`${context.nameOf(other)} does not answer`);
          else await tellOther(context, data);
        },
      },
      {
        id: 'close',
        label: (data) => `Close the replica on ${data.here} to further writes`,
        cancellable: false,
        run: async (data) => void must(await context.deps.target.close(data.pairId)),
      },
      {
        id: 'run',
        label: (data) => `Start ${data.subject} on ${data.here}`,
        cancellable: false,
        async run(data, io) {
          const pair = await beginHere(context, data.pairId, io.note);
          context.audit('failed-over', pair, `${data.subject} runs on ${data.here}.`, {
            epoch: String(pair.record.epoch.n),
          });
        },
      },
    ],
  };
}
