import type { HostEntry } from '../audit-file.ts';
import { type Bench, MACHINE, MINUTE } from '../failover/bench.ts';
import { lacking, untilStale } from '../failover/stalls.ts';
import { waitFor } from '../run.ts';
import { type BreakKind, faultOf } from './faults.ts';

export interface BreakRun {
  kind: BreakKind;
  /** The writer's longest wait for an acknowledgement. */
  stallS: number;
  /** Records acknowledged between the fault and the record of *stale*, and absent from the replica on one of its disks. */
  ackedBeforeStale: number;
  /** From the mending of the fault to the record of *in sync*. */
  healS: number;
  /** Bytes on the wire for every byte that had changed; null when everything was copied, or nothing had to be. */
  sentOverDirty: number | null;
  /** How it was brought up to date, the last step's pause of the guest (ms), and what had changed (bytes). */
  way: string;
  pauseMs: number | null;
  dirtyBytes: number | null;
}

/** How many records are written alone before the fault is mended. */
const ALONE = 300;

const number = (entry: HostEntry | undefined, name: string): number | null => {
  const value = entry?.evidence?.[name];
  return value === undefined ? null : Number(value);
};

/** One break of an armed pair with both hosts alive, and its healing by itself. */
export async function breakRun(bench: Bench, kind: BreakKind): Promise<BreakRun> {
  const { fleet } = bench;
  const { owner, standby } = await fleet.roles(MACHINE);
  const recorder = await bench.record(4);
  await recorder.waitForMore(200, MINUTE);
  // What changed before the break is known to be on both sides only after a while (PERIOD_MS in agent/replication/mirror/tracking.ts).
  const fault = faultOf(bench, kind, owner, standby);
  const began = Date.now();
  await fault.strike();
  const staleAt = await untilStale(bench, recorder, standby, began);
  const during = (await recorder.acknowledged()).filter(({ at }) => at >= began && at < staleAt);
  const ackedBeforeStale = await lacking(bench, standby, during);
  if (kind !== 'frozen') await fleet.lab.thaw(standby);
  await recorder.waitForMore(ALONE, MINUTE);
  const mended = fault.momentary ? began : Date.now();
  await fault.mend();
  await fleet.lab.thaw(standby);
  const healedAt = await healed(bench, owner, mended);
  await recorder.waitForMore(50, MINUTE);
  await recorder.stop();
  const { missing } = await recorder.verify();
  if (missing > 0) throw new Error(`${missing} acknowledged records are missing`);
  const took = bench
    .audit(mended - 60_000)
    .findLast(({ event, at }) => event === 'caught-up' && at >= staleAt);
  const [sent, dirtyBytes] = [number(took, 'sentBytes'), number(took, 'dirtyBytes')];
  return {
    kind,
    stallS: (await recorder.outage()).seconds,
    ackedBeforeStale,
    healS: Math.max(0, healedAt - mended) / 1000,
    sentOverDirty: sent === null || !dirtyBytes ? null : Math.round((sent / dirtyBytes) * 1000) / 1000,
    way: took?.evidence?.way ?? 'full',
    pauseMs: number(took, 'pauseMs'),
    dirtyBytes,
  };
}

/** When the owner recorded that both agree again. */
async function healed(bench: Bench, owner: string, mended: number): Promise<number> {
  await waitFor('the pair to be in sync', 5 * MINUTE, async () =>
    bench.fleet.isReady(await bench.fleet.sight(MACHINE), false),
  );
  const entry = bench
    .audit(0)
    .findLast(
      ({ event, host, pairId }) =>
        event === 'in-sync' && host === owner && pairId === bench.fleet.pairId(MACHINE),
    );
  return entry?.at ?? mended;
}
