import * as v from 'valibot';
import { type Problem, ProblemError } from '../../protocol/index.ts';
import type { StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { isLive } from '../store.ts';
import { vmStopped } from '../waits.ts';

const SwitchoverData = v.object({
  pairId: v.string(),
  subject: v.string(),
  other: v.string(),
  /** Epoch in which the guest was to be given away; null before that. */
  epoch: v.nullable(v.number()),
});
export type SwitchoverData = v.InferOutput<typeof SwitchoverData>;

/** A guest that has not shut down by then keeps running here. */
const SHUTDOWN_LIMIT_MS = 180_000;
/** A guest that is just starting up misses a request, so it is asked again. */
const ASK_AGAIN_MS = 30_000;
const RETRY_MS = 1_000;

async function checkFirst(context: PairContext, data: SwitchoverData): Promise<void> {
  must(await context.nodes.read(data.pairId));
  const pair = context.pair(data.pairId);
  const mirror = context.deps.source.status(data.pairId);
  if (!context.isOwner(pair) || pair.record.replica.state !== 'in-sync' || mirror?.state !== 'in-sync') {
    throw new ProblemError({
      kind: 'not-in-sync',
      message: `${data.subject} is not in sync with ${data.other}: moving it now would lose data.`,
      next: 'Wait until the pair is in sync, then switch over.',
    });
  }
  if (context.deps.peers.sight(context.other(pair.spec))?.reachable !== true)
    throw new ProblemError(context.unreachable(context.other(pair.spec)));
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
  await context.verifies.end(data.pairId);
  await context.setNotes(data.pairId, (notes) => ({ ...notes, moving: true }));
  if (isLive(context.vmState(uuid)) && !(await askedDown(context, uuid, io.signal))) {
    throw new ProblemError({
      kind: 'guest-does-not-shut-down',
      message: `${data.subject} did not shut down within ${SHUTDOWN_LIMIT_MS / 60_000} minutes; it still runs where it was.`,
      next: 'Shut it down from inside, or find out what keeps it, then switch over again.',
    });
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

/** Asks the owner's duties to give it away, again while that came to nothing: the voters may just have been busy. */
function giveAway(context: PairContext, pairId: string, epoch: number, signal: AbortSignal): void {
  const record = context.nodes.record(pairId);
  if (signal.aborted || record?.epoch.n !== epoch || record.owner !== context.self) return;
  context.nodes.get(pairId)?.askHandOver((result) => {
    if (result === 'done') return;
    context.deps.clock.setTimeout(() => giveAway(context, pairId, epoch, signal), RETRY_MS);
  });
}

/** Gives it away by one swap, and waits until the other has begun, or this host has taken it back. */
async function handOver(context: PairContext, data: SwitchoverData, io: StepIo): Promise<void> {
  const before = context.pair(data.pairId);
  if (data.epoch === null) data.epoch = before.record.epoch.n;
  const { epoch } = data;
  if (before.record.epoch.n === epoch && context.isOwner(before)) {
    await context.setNotes(data.pairId, (notes) => ({ ...notes, image: 'complete' }));
    giveAway(context, data.pairId, epoch, io.signal);
  }
  let refused: Problem | null = null;
  await context.until(
    data.pairId,
    (record) => record.epoch.n > epoch && record.begun,
    () => {
      if (io.signal.aborted) return stopped;
      const { record } = context.pair(data.pairId);
      const still = record.epoch.n === epoch && record.replica.state !== 'in-sync';
      refused = still ? notGiven(data) : null;
      return refused;
    },
  );
  const { record } = context.pair(data.pairId);
  if (!context.isOwner({ record })) return;
  throw new ProblemError({
    kind: 'taken-back',
    message: `${data.other} could not start ${data.subject}; it runs again where it was.`,
    next: `Look at the history of ${data.other}: it says why the start failed.`,
  });
}

const stopped: Problem = { kind: 'stopped', message: 'The agent ends.', next: 'It goes on when it is back.' };
const notGiven = (data: SwitchoverData): Problem => ({
  kind: 'not-in-sync',
  message: `${data.subject} fell out of step with ${data.other} while it was to be moved.`,
  next: 'It starts again where it was. Wait until the pair is in sync, then switch over again.',
});

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
        run: (data, io) => shutDown(context, data, io),
      },
      {
        id: 'hand-over',
        label: (data) => `Hand ${data.subject} over to ${data.other} and start it there`,
        cancellable: false,
        async run(data, io) {
          await handOver(context, data, io);
          await context.setNotes(data.pairId, (notes) => ({ ...notes, moving: false, wantRunning: false }));
          context.audit('switched-over', context.pair(data.pairId), `${data.subject} runs on ${data.other}.`);
        },
      },
    ],
    async undo(data) {
      const pair = context.store.get(data.pairId);
      if (!pair || !context.isOwner(pair)) return;
      // Not handed over: it goes on where it was, and the owner's duties start it again when it was shut down.
      const { uuid } = pair.spec.workload;
      if (context.vmState(uuid) === 'shutting-down')
        await vmStopped(context, uuid, SHUTDOWN_LIMIT_MS, new AbortController().signal);
      await context.setNotes(data.pairId, (notes) => ({ ...notes, moving: false, wantRunning: true }));
      context.nodes.look(data.pairId);
    },
  };
}
