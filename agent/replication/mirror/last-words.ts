import type { Clock } from '../../ports.ts';
import type { GroupStatus } from '../forwarder/control-protocol.ts';
import type { Forwarder } from './forwarder-client.ts';

/** How long QEMU's last words and the hypervisor's word of its end may lie apart. */
export const ENDING_MS = 5_000;
const LOOK_MS = 50;
/** Of a guest that may stand still meanwhile. */
const QUICK_LOOK_MS = 10;

/**
 * Waits until QEMU, which is ending, has left its stream.
 * @param known the stream as last told
 * @returns how the forwarder saw it leave; null when it knows no such stream
 */
export async function lastWords(
  pairId: string,
  known: GroupStatus | null,
  forwarder: Forwarder,
  clock: Clock,
): Promise<GroupStatus | null> {
  let group = known;
  const started = clock.bootMs();
  while (group?.state === 'up' && clock.bootMs() - started < ENDING_MS) {
    const groups = await forwarder.order({ c: 'status' });
    if (groups.ok) group = groups.value.find((one) => one.group === pairId) ?? null;
    if (group?.state === 'up') await pause(clock, QUICK_LOOK_MS);
  }
  return group;
}

/** Waits for a state that somebody else brings about, at most that long. */
export async function until(met: () => boolean, clock: Clock): Promise<void> {
  const started = clock.bootMs();
  while (!met() && clock.bootMs() - started < ENDING_MS) await pause(clock, LOOK_MS);
}

const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((done) => {
    clock.setTimeout(done, ms);
  });
