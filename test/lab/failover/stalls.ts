import { fillVolume } from '../faults-disk.ts';
import { hostFolder } from '../host.ts';
import { serviceProcess, signal } from '../host-processes.ts';
import type { Acknowledged, Recorder } from '../recorder.ts';
import { waitFor } from '../run.ts';
import { type Bench, MACHINE, MINUTE } from './bench.ts';
import { recordsOfImage } from './replica-records.ts';
import { EVENTS } from './timeline.ts';

export const STALLS = ['stall-kill', 'stall-silent', 'stall-hung', 'stall-error'] as const;
export type StallKind = (typeof STALLS)[number];

export interface StallRun {
  kind: StallKind;
  /** The writer's longest wait for an acknowledgement. */
  stallS: number;
  /** Fault to the record of it. */
  staleS: number;
  /** Records acknowledged before that record was made, since the client began. */
  acked: number;
  /** Of these, how many the replica lacks on one of its disks. */
  missing: number;
}

async function strike(bench: Bench, kind: StallKind, owner: string, standby: string): Promise<void> {
  const { lab } = bench.fleet;
  if (kind === 'stall-silent') return lab.cut(owner, standby);
  if (kind === 'stall-error') return fillVolume(lab, standby, 'images');
  const daemon = await serviceProcess(lab, standby, 'storage');
  if (!daemon) throw new Error(`no storage daemon on ${standby}`);
  signal(daemon.pid, kind === 'stall-kill' ? 'SIGKILL' : 'SIGSTOP');
}

/** How long the writer is waited for after *stale*, before the standby is stopped to be looked at. */
const RELEASE_MS = 1_000;

/** When the owner recorded that the replica is behind, by its own history; then the standby stands still. */
export async function untilStale(
  bench: Bench,
  recorder: Recorder,
  standby: string,
  began: number,
): Promise<number> {
  const entry = await waitFor(
    'stale recorded',
    MINUTE,
    () =>
      bench
        .audit(began)
        .find(({ event, pairId }) => pairId === bench.fleet.pairId(MACHINE) && EVENTS.stale.test(event)) ??
      null,
    5,
  );
  // Not earlier: the owner may have something to tell the standby before it lets the writer go on.
  await recorder.waitForMore(1, RELEASE_MS).catch(() => {});
  // Before a new copy can be begun: what is on the standby's disks now is the copy that the record speaks of.
  await bench.fleet.lab.freeze(standby);
  return entry.at;
}

export async function lacking(bench: Bench, standby: string, records: Acknowledged[]): Promise<number> {
  const { lab } = bench.fleet;
  const spec = Object.values((await bench.fleet.sight(MACHINE)).members)[0]?.spec;
  if (!spec) throw new Error('no agent tells where the replica lies');
  const missing = new Set<number>();
  for (const disk of spec.disks) {
    const path = disk.paths[bench.fleet.idOf(standby)];
    if (path === undefined) throw new Error(`no replica of ${disk.target} on ${standby}`);
    const found = await recordsOfImage(lab.pathOn(standby, path), hostFolder(lab.places, standby));
    for (const { number, nonce } of records) if (found.get(number) !== nonce) missing.add(number);
  }
  return missing.size;
}

/** The standby's side of the mirror breaks under a client that writes only new records, as fast as it can. */
export async function stallRun(bench: Bench, kind: StallKind): Promise<StallRun> {
  const { owner, standby } = await bench.fleet.roles(MACHINE);
  const recorder = await bench.record(2);
  await recorder.waitForMore(100, MINUTE);
  const began = Date.now();
  await strike(bench, kind, owner, standby);
  const staleAt = await untilStale(bench, recorder, standby, began);
  await recorder.waitForMore(50, MINUTE);
  await recorder.stop();
  const before = (await recorder.acknowledged()).filter(({ at }) => at < staleAt);
  const missing = await lacking(bench, standby, before);
  const { seconds } = await recorder.outage();
  return { kind, stallS: seconds, staleS: (staleAt - began) / 1000, acked: before.length, missing };
}
