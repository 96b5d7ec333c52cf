import * as v from 'valibot';
import { ok, type Problem, ProblemError, type Result } from '../../protocol/index.ts';
import type { StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { sendLastPiece, sendMemory, stays, takeBackMemory } from '../moving/sender.ts';
import type { HostSite } from '../site.ts';
import { isLive } from '../store.ts';
import { vmStopped } from '../waits.ts';
import { abandonMirror, MoveData, mirrorSteps } from './mirror-to-move.ts';
import { SHUTDOWN_LIMIT_MS, shutDown } from './switchover-cold.ts';

const SwitchoverData = v.object({
  ...MoveData.entries,
  pairId: v.string(),
  subject: v.string(),
  other: v.string(),
  /** Epoch in which the guest was to be given away; null before that. */
  epoch: v.nullable(v.number()),
  /** Its memory moves while it runs; otherwise it is shut down, and starts anew on the other host. */
  live: v.optional(v.boolean(), false),
  /** Names the attempt to move its memory. */
  token: v.optional(v.nullable(v.string()), null),
  switchOff: v.optional(v.boolean(), false),
});
export type SwitchoverData = v.InferOutput<typeof SwitchoverData>;

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

/** Asks the owner's duties to give it away, again while that came to nothing: the voters may just have been busy. */
function giveAway(context: PairContext, pairId: string, epoch: number, signal: AbortSignal): void {
  const record = context.nodes.record(pairId);
  if (signal.aborted || record?.epoch.n !== epoch || record.owner !== context.self) return;
  context.nodes.get(pairId)?.askHandOver((result) => {
    if (result === 'done') return;
    context.deps.clock.setTimeout(() => giveAway(context, pairId, epoch, signal), RETRY_MS);
  });
}

/** Standing still, unarmed, its mirror drained and its memory on the other host. Not again after an agent's restart. */
async function makeReady(context: PairContext, data: SwitchoverData, io: StepIo): Promise<void> {
  if (io.resumed) {
    // What the agent of before may have proposed is settled first: nothing of it can come true afterwards.
    must(await context.nodes.read(data.pairId));
    const { record } = context.pair(data.pairId);
    if (record.epoch.n !== data.epoch || !context.isOwner({ record })) return;
    throw new ProblemError(interrupted(data));
  }
  await context.until(
    data.pairId,
    (record) => !record.armed,
    () => (io.signal.aborted ? stopped : null),
  );
  await sendLastPiece(context, data);
}

/** Gives it away by one swap, and waits until the other has begun, or this host has taken it back. */
async function handOver(context: PairContext, data: SwitchoverData, io: StepIo): Promise<void> {
  const before = context.pair(data.pairId);
  if (data.epoch === null) data.epoch = before.record.epoch.n;
  const { epoch } = data;
  if (before.record.epoch.n === epoch && context.isOwner(before)) {
    if (data.live) await makeReady(context, data, io);
    else await context.setNotes(data.pairId, (notes) => ({ ...notes, image: 'complete' }));
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
    message: `${data.other} could not ${data.live ? 'go on with' : 'start'} ${data.subject}; it runs again where it was.`,
    next: `Look at the history of ${data.other}: it says why the start failed.`,
  });
}

const stopped: Problem = { kind: 'stopped', message: 'The agent ends.', next: 'It goes on when it is back.' };
const interrupted = (data: SwitchoverData): Problem => ({
  kind: 'interrupted',
  message: `The agent was restarted in the moment in which ${data.subject} was to change sides.`,
  next: 'It goes on where it was. Wait until the pair is in sync, then switch over again.',
});
const notGiven = (data: SwitchoverData): Problem => ({
  kind: 'not-in-sync',
  message: `${data.subject} fell out of step with ${data.other} while it was to be moved.`,
  next: 'It starts again where it was. Wait until the pair is in sync, then switch over again.',
});

/** Its process here: the guard ends it as well, where there is one. */
async function gone(context: PairContext, pairId: string): Promise<Result<void>> {
  const { uuid } = context.pair(pairId).spec.workload;
  return isLive(context.vmState(uuid)) ? context.deps.hypervisor.destroy(uuid) : ok(undefined);
}

/** Planned change of sides: the memory moves, or the guest is shut down; handed over; it goes on, or starts, there. */
export function switchoverOrder(
  context: PairContext,
  siteOf: (pairId: string) => HostSite | null,
): TaskDefinition<SwitchoverData> {
  return {
    kind: 'switchover',
    data: SwitchoverData,
    steps: [
      ...mirrorSteps<SwitchoverData>(context),
      {
        id: 'check',
        label: (data) => `Check that both copies of ${data.subject} agree`,
        cancellable: true,
        run: (data) => checkFirst(context, data),
      },
      {
        id: 'leave',
        label: (data) =>
          data.live ? `Copy the memory of ${data.subject} to ${data.other}` : `Shut ${data.subject} down`,
        cancellable: true,
        async run(data, io) {
          await context.verifies.end(data.pairId);
          await (data.live ? sendMemory(context, data, io, siteOf) : shutDown(context, data, io));
        },
      },
      {
        id: 'hand-over',
        label: (data) =>
          data.live
            ? `Hand ${data.subject} over to ${data.other}, where it goes on`
            : `Hand ${data.subject} over to ${data.other} and start it there`,
        cancellable: false,
        async run(data, io) {
          await handOver(context, data, io);
          // What is left of it here stands still, and has nothing to go on with.
          stays(data.pairId, siteOf);
          if (data.live) must(await gone(context, data.pairId));
          await context.setNotes(data.pairId, (notes) => ({ ...notes, moving: false, wantRunning: false }));
          const began = context.tasks.running(data.pairId)?.startedAt ?? null;
          // One that moves while it runs is never away.
          if (!data.live && began !== null)
            context.risks.switchedOver(
              data.pairId,
              context.pair(data.pairId).record.owner,
              context.now() - began,
            );
          context.audit('switched-over', context.pair(data.pairId), `${data.subject} runs on ${data.other}.`);
        },
      },
    ],
    async undo(data) {
      const pair = context.store.get(data.pairId);
      if (!pair || !context.isOwner(pair)) return;
      // Not handed over: it goes on where it was, and the owner's duties start it again when it was shut down.
      const { uuid } = pair.spec.workload;
      stays(data.pairId, siteOf);
      if (data.live) await takeBackMemory(context, pair, data.token);
      if (context.vmState(uuid) === 'shutting-down')
        await vmStopped(context, uuid, SHUTDOWN_LIMIT_MS, new AbortController().signal);
      await context.setNotes(data.pairId, (notes) => ({ ...notes, moving: false, wantRunning: true }));
      await abandonMirror(context, data);
      context.nodes.look(data.pairId);
    },
  };
}
