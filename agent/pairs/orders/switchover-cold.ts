import { ProblemError } from '../../protocol/index.ts';
import type { StepIo } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { demoteHere } from '../coordinated/external.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import { isLive } from '../store.ts';
import { vmStopped } from '../waits.ts';

/** A guest that has not shut down by then keeps running here, or is switched off, as ordered. */
export const SHUTDOWN_LIMIT_MS = 180_000;
/** A guest that is just starting up misses a request, so it is asked again. */
const ASK_AGAIN_MS = 30_000;

interface ShutDown {
  pairId: string;
  subject: string;
  other: string;
  switchOff: boolean;
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

/** The guest is down, and every write of it on the other host. */
export async function shutDown(context: PairContext, data: ShutDown, io: StepIo): Promise<void> {
  const { uuid } = context.pair(data.pairId).spec.workload;
  await context.setNotes(data.pairId, (notes) => ({ ...notes, moving: true }));
  if (isLive(context.vmState(uuid)) && !(await askedDown(context, uuid, io.signal))) {
    if (!data.switchOff) {
      throw new ProblemError({
        kind: 'guest-does-not-shut-down',
        message: `${data.subject} did not shut down within ${SHUTDOWN_LIMIT_MS / 60_000} minutes; it still runs where it was.`,
        next: 'Shut it down from inside, or switch over again and have it switched off when it does not shut down.',
      });
    }
    io.note(`did not shut down within ${SHUTDOWN_LIMIT_MS / 60_000} minutes, so it was switched off`);
    must(await context.deps.hypervisor.destroy(uuid));
  }
  // Ended here, so that the mirror's last word is in before it is asked.
  must(await context.deps.source.end(data.pairId));
  if (context.deps.source.endedInSync(data.pairId)) {
    const pair = context.pair(data.pairId);
    if (coordinatedModeOf(pair)?.kind === 'external') must(await demoteHere(context, pair));
    return;
  }
  throw new ProblemError({
    kind: 'not-drained',
    message: `The copy on ${data.other} missed the last writes of ${data.subject}.`,
    next: 'It starts again where it was. Wait until the pair is in sync, then switch over again.',
  });
}
