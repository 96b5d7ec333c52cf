import * as v from 'valibot';
import { compareEpoch, Epoch, type ParamsOf, type PeerApi, ProblemError } from '../../protocol/index.ts';
import type { StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import type { HostSite } from '../site.ts';
import { isLive } from '../store.ts';
import { sleep } from '../waits.ts';
import { untilItRuns } from './failover.ts';

const RevertData = v.object({
  pairId: v.string(),
  subject: v.string(),
  here: v.string(),
  other: v.string(),
  /** The epoch the person saw: that of the failover which is taken back. */
  expected: Epoch,
});
export type RevertData = v.InferOutput<typeof RevertData>;

const LOOK_MS = 500;
/** A guest that has not shut down by then keeps running where it is. */
const SHUTDOWN_LIMIT_MS = 180_000;
const ASK_AGAIN_MS = 30_000;

/**
 * Asked of the owner by the other member: shuts its machine down and leaves it so, or lets it start again. Only in the
 * epoch that was meant; the record stays as it is.
 */
export async function yieldOwner(
  context: PairContext,
  { pairId, epoch, down }: ParamsOf<PeerApi, 'owner.yield'>,
): Promise<Record<string, never>> {
  const pair = context.pair(pairId);
  if (!context.isOwner(pair) || pair.record.epoch.n !== epoch)
    throw new ProblemError(moved(pair.spec.workload.name));
  const { uuid } = pair.spec.workload;
  if (down === (pair.notes.yielding ?? false) && !(down && isLive(context.vmState(uuid)))) return {};
  await context.setNotes(pairId, (notes) => ({ ...notes, yielding: down, moving: down, wantRunning: !down }));
  if (down && isLive(context.vmState(uuid))) {
    await context.deps.source.end(pairId);
    must(await context.deps.hypervisor.shutdown(uuid));
  }
  context.nodes.look(pairId);
  return {};
}

function check(context: PairContext, data: RevertData): void {
  const pair = context.pair(data.pairId);
  if (context.isOwner(pair)) return;
  if (compareEpoch(pair.record.epoch, data.expected) !== 0) throw new ProblemError(moved(data.subject));
  if (pair.notes.quarantine && !pair.record.armed && pair.record.replica.state !== 'in-sync') return;
  throw new ProblemError({
    kind: 'nothing-to-revert',
    message: `${data.here} has no old copy of ${data.subject} set aside to go back to.`,
    next: 'Use Switch over to move the machine.',
  });
}

/** The newer copy's machine is down, by its own host's word, before anything starts here. */
async function shutDownThere(context: PairContext, data: RevertData, io: StepIo): Promise<void> {
  check(context, data);
  const pair = context.pair(data.pairId);
  if (context.isOwner(pair)) return;
  const peer = context.deps.peers.to(context.other(pair.spec));
  const { uuid } = pair.spec.workload;
  for (let waited = 0; waited < SHUTDOWN_LIMIT_MS; waited += LOOK_MS) {
    if (waited % ASK_AGAIN_MS === 0)
      must(await peer.call('owner.yield', { pairId: data.pairId, epoch: data.expected.n, down: true }));
    const asked = await peer.call('vm.state', { vmUuid: uuid });
    if (asked.ok && asked.value.state !== 'unknown' && !isLive(asked.value.state)) return;
    await sleep(context.deps.clock, LOOK_MS, io.signal);
  }
  throw new ProblemError({
    kind: 'guest-does-not-shut-down',
    message: `${data.subject} did not shut down on ${data.other} within ${SHUTDOWN_LIMIT_MS / 60_000} minutes; it still runs there.`,
    next: 'Shut it down from inside, then revert again.',
  });
}

/** Past every majority, as the failover was: a person's word, with the other machine known to be down. */
async function takeBack(context: PairContext, data: RevertData): Promise<void> {
  const pair = context.pair(data.pairId);
  if (context.isOwner(pair)) return;
  check(context, data);
  const { uuid } = pair.spec.workload;
  const asked = must(
    await context.deps.peers.to(context.other(pair.spec)).call('vm.state', { vmUuid: uuid }),
  );
  if (asked.state === 'unknown' || isLive(asked.state)) {
    throw new ProblemError({
      kind: 'running-elsewhere',
      message: `${data.subject} is not known to be down on ${data.other}.`,
      next: 'Shut it down there, then revert again.',
    });
  }
  await context.setNotes(data.pairId, (notes) => ({ ...notes, quarantine: null, image: 'complete' }));
  context.nodes.get(data.pairId)?.force(context.now());
  context.audit(
    'reverted',
    pair,
    `${data.subject} goes back to the copy on ${data.here}, by order of a person; what was written on ${data.other} since is kept aside there.`,
    { epoch: String(context.pair(data.pairId).record.epoch.n) },
  );
}

/** Takes back a failover made by mistake: back to the old copy, the newer one is set aside where it ran. */
export function revertOrder(
  context: PairContext,
  siteOf: (pairId: string) => HostSite | null,
): TaskDefinition<RevertData> {
  return {
    kind: 'revert',
    data: RevertData,
    steps: [
      {
        id: 'shutdown',
        label: (data) => `Shut ${data.subject} down on ${data.other}`,
        cancellable: true,
        run: (data, io) => shutDownThere(context, data, io),
      },
      {
        id: 'claim',
        label: (data) => `Make the old copy on ${data.here} the one that counts`,
        cancellable: false,
        run: (data) => takeBack(context, data),
      },
      {
        id: 'run',
        label: (data) => `Start ${data.subject} on ${data.here}`,
        cancellable: false,
        async run(data, io) {
          const site = siteOf(data.pairId);
          if (site) site.startProblem = null;
          await untilItRuns(context, site, data, io);
        },
      },
    ],
    async undo(data) {
      const pair = context.store.get(data.pairId);
      if (!pair || context.isOwner(pair)) return;
      // It goes on where it was.
      await context.deps.peers
        .to(context.other(pair.spec))
        .call('owner.yield', { pairId: data.pairId, epoch: data.expected.n, down: false });
    },
  };
}

const moved = (subject: string) => ({
  kind: 'epoch-moved',
  message: `${subject} has changed sides since you looked.`,
  next: 'Look at the map again.',
});
