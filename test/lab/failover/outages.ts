import { serviceProcess, signal } from '../host-processes.ts';
import type { Recorder, Verdict } from '../recorder.ts';
import { waitFor } from '../run.ts';
import { type Bench, MACHINE, MINUTE } from './bench.ts';
import { type Timeline, timeline } from './timeline.ts';

export const OUTAGES = ['power', 'freeze', 'cut', 'agent', 'qemu'] as const;
export type OutageKind = (typeof OUTAGES)[number];

export interface OutageRun extends Timeline {
  kind: OutageKind;
  /** Longest gap between two acknowledgements, as it was measured. */
  gapS: number;
  pauses: number;
  /** Starts of the machine's QEMU. */
  restarts: number;
  acked: number;
  missing: number;
}

/** Nobody answered for less than this: on a shared machine no outage, but the clients' and the scheduler's own noise. */
const NOISE_S = 0.5;

async function finished(recorder: Recorder, more: number): Promise<Verdict> {
  await recorder.waitForMore(more, 3 * MINUTE);
  await recorder.stop();
  return recorder.verify();
}

/** A host is lost: the other one runs the machine afterwards. */
async function lose(bench: Bench, kind: 'power' | 'freeze' | 'cut'): Promise<OutageRun> {
  const { lab } = bench.fleet;
  const { owner, standby } = await bench.fleet.roles(MACHINE);
  const recorder = await bench.record(20, 500);
  const began = Date.now();
  if (kind === 'power') await lab.powerOff(owner);
  if (kind === 'freeze') await lab.freeze(owner);
  if (kind === 'cut') await lab.isolate(owner);
  const start = await bench.startOn(standby, began);
  return told(bench, kind, recorder, began, start);
}

/**
 * After three restarts in ten minutes a machine goes to its standby (agent/lease/starting.ts). The agent counts in memory:
 * a new one before each run has nothing on its count, so that every run is a restart in place.
 */
async function killQemu(bench: Bench): Promise<OutageRun> {
  const { owner } = await bench.fleet.roles(MACHINE);
  await replaceAgent(bench, owner);
  await bench.fleet.settle(MACHINE);
  const qemu = await bench.fleet.guestOn(owner, MACHINE);
  if (!qemu) throw new Error(`no QEMU of ${MACHINE} on ${owner}`);
  const recorder = await bench.record(20, 500);
  const began = Date.now();
  signal(qemu.pid, 'SIGKILL');
  const start = await bench.startOn(owner, began);
  return told(bench, 'qemu', recorder, began, start);
}

async function told(
  bench: Bench,
  kind: OutageKind,
  recorder: Recorder,
  began: number,
  start: number | undefined,
): Promise<OutageRun> {
  const { acked, missing } = await finished(recorder, 20);
  const gap = await recorder.outage();
  const parts = timeline(gap, start, bench.audit(began - 1_000));
  return { kind, gapS: gap.seconds, ...parts, ...bench.disturbances(began), acked, missing };
}

async function replaceAgent(bench: Bench, host: string): Promise<void> {
  const { lab } = bench.fleet;
  const before = await serviceProcess(lab, host, 'agent');
  if (!before) throw new Error(`no agent on ${host}`);
  signal(before.pid, 'SIGKILL');
  await waitFor(`another agent on ${host}`, MINUTE, async () => {
    const now = await serviceProcess(lab, host, 'agent');
    return now !== null && now.pid !== before.pid;
  });
  await waitFor(`${host} to answer again`, MINUTE, async () => {
    const sight = await bench.fleet.sight(MACHINE);
    return sight.members[host] !== undefined;
  });
}

/** Both agents are killed, one after the other: nothing happens to the machine. */
async function killAgents(bench: Bench): Promise<OutageRun> {
  const { owner, standby } = await bench.fleet.roles(MACHINE);
  const recorder = await bench.record(20, 500);
  const began = Date.now();
  await replaceAgent(bench, owner);
  await recorder.waitForMore(100, MINUTE);
  await replaceAgent(bench, standby);
  const run = await told(bench, 'agent', recorder, began, undefined);
  const after = await bench.fleet.roles(MACHINE);
  if (after.owner !== owner) throw new Error(`${MACHINE} moved from ${owner} to ${after.owner}`);
  return { ...run, outageS: run.outageS < NOISE_S ? 0 : run.outageS };
}

/** One run: break it, wait until it serves again, mend it. The pair may have changed sides afterwards. */
export async function outageRun(bench: Bench, kind: OutageKind): Promise<OutageRun> {
  if (kind === 'agent') return killAgents(bench);
  if (kind === 'qemu') return killQemu(bench);
  return lose(bench, kind);
}
