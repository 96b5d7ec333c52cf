import type { RtoMeasure } from '../protocol/index.ts';
import type { PairContext } from './context.ts';

const LOOK_MS = 200;
/** A machine that does not run by then has its own history; one whose guest agent is silent for so long has none. */
const RUNS_MS = 10 * 60_000;
const ANSWERS_MS = 2 * 60_000;

/**
 * When the machine that has just come on stage here ran, and, where its guest agent answers, when that did. Wall clock, ms. Null:
 * it did not come to run here. The check of a drill asks over a network of its own; out there nobody but the guest agent is asked.
 */
export async function measureAnswer(
  context: PairContext,
  pairId: string,
  over: () => boolean,
): Promise<{ at: number; until: RtoMeasure['until'] } | null> {
  const { clock, hypervisor } = context.deps;
  const pause = (): Promise<void> => new Promise((done) => void clock.setTimeout(done, LOOK_MS));
  const uuid = context.store.get(pairId)?.spec.workload.uuid;
  const here = (): boolean => {
    const pair = context.store.get(pairId);
    return !over() && pair !== null && context.isOwner(pair);
  };
  const began = clock.bootMs();
  while (uuid !== undefined && here() && clock.bootMs() - began < RUNS_MS) {
    if (context.store.get(pairId)?.record.begun && context.vmState(uuid) === 'running') break;
    await pause();
  }
  if (uuid === undefined || !here() || context.vmState(uuid) !== 'running') return null;
  const ran = { at: context.now(), until: 'running' as const };
  const up = clock.bootMs();
  while (here() && clock.bootMs() - up < ANSWERS_MS) {
    if (await hypervisor.guestAnswers(uuid)) return { at: context.now(), until: 'answer' };
    await pause();
  }
  return ran;
}
