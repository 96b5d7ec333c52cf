import type { ReplicationMode } from '../../../agent/protocol/index.ts';
import { type Figure, figure } from '../failover/figures.ts';
import { keep, Meter } from '../modes/points.ts';
import type { ProtectedFleet } from '../protected-fleet.ts';
import { gaps, Recorder } from '../recorder.ts';
import { dirty } from './dirty.ts';

const MINUTE = 60_000;
/** So seldom that no point is made but those that are ordered. */
const MODE: ReplicationMode = {
  kind: 'interval',
  everyS: 3_600,
  retention: { last: 3, hourly: 0, daily: 0, weekly: 0 },
};

interface Run {
  /** Bytes in the point: what was dirtied, and what the client wrote meanwhile. */
  bytes: number;
  /** From the beginning of the point until it is complete. */
  sealS: number;
  /** The client's longest time without an acknowledgement while the point was made. */
  gapMs: number;
  /** How long the machine stood still, by its host. */
  stoodMs: number;
}

export interface PointCosts {
  runs: number;
  bytes: Figure | null;
  sealS: Figure | null;
  gapMs: Figure | null;
  stoodMs: Figure | null;
}

/** 60 MB are written to a machine's disks, a point is made, and a client that writes all the while is looked at. */
export async function pointCosts(
  fleet: ProtectedFleet,
  machine: string,
  times: number,
  say: (line: string) => void,
): Promise<PointCosts> {
  const runs: Run[] = [];
  await fleet.protect(machine, MODE);
  const { owner } = await fleet.roles(machine);
  const meter = await Meter.open(fleet, machine, owner);
  for (let n = 1; n <= times; n += 1) {
    const run = await oneRun(fleet, machine, meter, n);
    runs.push(run);
    say(`point ${n}: ${JSON.stringify(run)}`);
  }
  meter.close();
  return {
    runs: runs.length,
    bytes: figure(runs.map(({ bytes }) => bytes)),
    sealS: figure(runs.map(({ sealS }) => sealS)),
    gapMs: figure(runs.map(({ gapMs }) => gapMs)),
    stoodMs: figure(runs.map(({ stoodMs }) => stoodMs)),
  };
}

async function oneRun(fleet: ProtectedFleet, machine: string, meter: Meter, n: number): Promise<Run> {
  const { owner } = await fleet.roles(machine);
  const recorder = await Recorder.start(fleet.lab, machine, 2);
  await recorder.waitForMore(200, MINUTE);
  await dirty(fleet, owner, machine, n);
  await recorder.waitForMore(200, MINUTE);
  const from = Date.now();
  await keep(fleet, machine, MODE);
  const until = Date.now();
  await recorder.waitForMore(50, MINUTE);
  await recorder.stop();
  const longest = gaps(await recorder.acknowledged(), 0)
    .filter((gap) => gap.to >= from && gap.from <= until)
    .reduce((most, { seconds }) => Math.max(most, seconds), 0);
  const { point, tookMs, gapMs } = meter.last ?? {};
  if (!point || tookMs == null || gapMs == null) throw new Error('the agent told of no point');
  return { bytes: point.bytes, sealS: tookMs / 1000, gapMs: Math.round(longest * 1000), stoodMs: gapMs };
}
