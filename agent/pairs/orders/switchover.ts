import * as v from 'valibot';
import { type PairRecord, type Problem, ProblemError } from '../../protocol/index.ts';
import type { StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { handedOver, takenBack } from '../record.ts';
import { beginHere } from '../standby.ts';
import { isLive } from '../store.ts';
import { sleep, vmStopped } from '../waits.ts';

const SwitchoverData = v.object({
  pairId: v.string(),
  subject: v.string(),
  other: v.string(),
  /** True once the guest was asked to shut down: from then on a failure starts it again. */
  asked: v.boolean(),
});
export type SwitchoverData = v.InferOutput<typeof SwitchoverData>;

/** A guest that has not shut down by then keeps running here. */
const SHUTDOWN_LIMIT_MS = 180_000;
/** A guest that is just starting up misses a request, so it is asked again. */
const ASK_AGAIN_MS = 30_000;
const RETRY_MS = 2_000;

async function checkFirst(context: PairContext, data: SwitchoverData): Promise<void> {
  const pair = must(await context.exchange(data.pairId));
  const mirror = context.deps.source.status(data.pairId);
  if (!context.isOwner(pair) || pair.record.replica.state !== 'in-sync' || mirror?.state !== 'in-sync') {
    throw new ProblemError({
      kind: 'not-in-sync',
      message: `${data.subject} is not in sync with ${data.other}: moving it now would lose data.`,
      next: 'Wait until the pair is in sync, then switch over.',
    });
  }
}

/** False when the guest still lives after the limit. */
async function askedDown(context: PairContext, uuid: string, signal: AbortSignal): Promise<boolean> {
  must(await context.deps.hypervisor.shutdown(uuid));
  for (let asked = ASK_AGAIN_MS; asked < SHUTDOWN_LIMIT_MS; asked += ASK_AGAIN_MS) {
    if (await vmStopped(context, uuid, ASK_AGAIN_MS, signal)) return true;
    await context.deps.hypervisor.shutdown(uuid);
  }
  return vmStopped(context, uuid, ASK_AGAIN_MS, signal);
}

async function shutDown(context: PairContext, data: SwitchoverData, io: StepIo): Promise<void> {
  const { uuid } = context.pair(data.pairId).spec.workload;
  if (isLive(context.vmState(uuid))) {
    if (!(await askedDown(context, uuid, io.signal))) {
      throw new ProblemError({
        kind: 'guest-does-not-shut-down',
        message: `${data.subject} did not shut down within ${SHUTDOWN_LIMIT_MS / 60_000} minutes; it still runs where it was.`,
        next: 'Shut it down from inside, or find out what keeps it, then switch over again.',
      });
    }
  }
  // Ended here, so that the mirror's last word is in before it is asked.
  must(await context.deps.source.end(data.pairId));
  if (!context.deps.source.endedInSync(data.pairId)) {
    throw new ProblemError({
      kind: 'not-drained',
      message: `The copy on ${data.other} missed the last writes of ${data.subject}.`,
      next: 'It starts again where it was. Wait until the pair is in sync, then switch over again.',
    });
  }
}

/** Asks the other member to begin until it answers: an unknown outcome counts as done, so nobody takes back meanwhile. */
async function untilBegun(
  context: PairContext,
  data: SwitchoverData,
  io: StepIo,
): Promise<PairRecord | Problem> {
  for (;;) {
    const pair = context.pair(data.pairId);
    // A forced failover may have overtaken us while we waited.
    if (pair.record.begun) return pair.record;
    const answer = await context.deps.peers
      .to(context.other(pair.spec))
      .call('standby.begin', { record: pair.record, spec: pair.spec });
    if (answer.ok) return answer.value.record;
    const state = await context.deps.peers
      .to(context.other(pair.spec))
      .call('record.read', { pairId: data.pairId });
    if (state.ok && state.value.record && !state.value.record.begun) return answer.problem;
    if (state.ok && state.value.record?.begun) return state.value.record;
    io.note(`${data.other} does not answer; asking again`);
    await sleep(context.deps.clock, RETRY_MS, io.signal);
  }
}

async function takeBack(context: PairContext, data: SwitchoverData, cause: Problem): Promise<never> {
  const pair = await context.setRecord(data.pairId, (record) =>
    takenBack(record, context.self, context.now()),
  );
  context.audit(
    'taken-back',
    pair,
    `${data.other} could not start ${data.subject}; ${context.deps.selfName()} takes it back.`,
    {
      cause: cause.message,
    },
  );
  must(await context.exchange(data.pairId));
  await beginHere(context, data.pairId, () => undefined);
  throw new ProblemError({ ...cause, message: `${cause.message} ${data.subject} runs again where it was.` });
}

async function handOver(context: PairContext, data: SwitchoverData, io: StepIo): Promise<void> {
  const before = context.pair(data.pairId);
  if (context.isOwner(before)) {
    await context.setNotes(data.pairId, (notes) => ({ ...notes, wantRunning: false, image: 'complete' }));
    await context.setRecord(data.pairId, (record) =>
      handedOver(record, context.other(before.spec), context.now()),
    );
  }
  const outcome = await untilBegun(context, data, io);
  if ('kind' in outcome) await takeBack(context, data, outcome);
  else await context.adopt({ record: outcome, spec: context.pair(data.pairId).spec });
}

/** Planned change of sides: shut down, finish, start on the other member. */
export function switchoverOrder(context: PairContext): TaskDefinition<SwitchoverData> {
  return {
    kind: 'switchover',
    data: SwitchoverData,
    steps: [
      {
        id: 'check',
        label: (data) => `Check that both copies of ${data.subject} agree`,
        cancellable: true,
        run: (data) => checkFirst(context, data),
      },
      {
        id: 'shutdown',
        label: (data) => `Shut ${data.subject} down`,
        cancellable: true,
        async run(data, io) {
          data.asked = true;
          await shutDown(context, data, io);
        },
      },
      {
        id: 'hand-over',
        label: (data) => `Hand ${data.subject} over to ${data.other} and start it there`,
        cancellable: false,
        async run(data, io) {
          await handOver(context, data, io);
          context.audit('switched-over', context.pair(data.pairId), `${data.subject} runs on ${data.other}.`);
        },
      },
    ],
    async undo(data) {
      const pair = context.store.get(data.pairId);
      // Asked to shut down but not handed over: it goes on where it was.
      if (!data.asked || !pair || !context.isOwner(pair)) return;
      const { uuid } = pair.spec.workload;
      if (context.vmState(uuid) === 'shutting-down')
        await vmStopped(context, uuid, SHUTDOWN_LIMIT_MS, new AbortController().signal);
      if (!isLive(context.vmState(uuid))) await beginHere(context, data.pairId, () => undefined);
    },
  };
}
