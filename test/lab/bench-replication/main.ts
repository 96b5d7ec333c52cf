import { parseArgs } from 'node:util';
import type { ReplicationMode } from '../../../agent/protocol/index.ts';
import { MACHINE } from '../failover/bench.ts';
import { figure } from '../failover/figures.ts';
import { keep, Meter } from '../modes/points.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { gaps, Recorder } from '../recorder.ts';
import { dirty } from './dirty.ts';

/**
 * `npm run bench:replication -- [--runs N] [--json] [--keep]`: what a restore point of a busy machine costs on real hosts:
 * 60 MB are written to its disks, a point is made, and a client that writes all the while is looked at. docs/lab.md says what
 * the figures mean.
 */
const MINUTE = 60_000;
/** So seldom that no point is made but those that are ordered. */
const MODE: ReplicationMode = {
  kind: 'interval',
  everyS: 3_600,
  retention: { last: 3, hourly: 0, daily: 0, weekly: 0 },
};
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    runs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.error(line);

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

async function oneRun(fleet: ProtectedFleet, meter: Meter, n: number): Promise<Run> {
  const { owner } = await fleet.roles(MACHINE);
  const recorder = await Recorder.start(fleet.lab, MACHINE, 2);
  await recorder.waitForMore(200, MINUTE);
  await dirty(fleet, owner, MACHINE, n);
  await recorder.waitForMore(200, MINUTE);
  const from = Date.now();
  await keep(fleet, MACHINE, MODE);
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

const runs: Run[] = [];
const failures: string[] = [];
let fleet: ProtectedFleet | null = null;
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'bench-repl'), {
    machines: [MACHINE],
    policy: 'manual',
    profile: 'balanced',
    witness: false,
    replication: MODE,
    say,
  });
  const { owner } = await fleet.roles(MACHINE);
  const meter = await Meter.open(fleet, MACHINE, owner);
  for (let n = 1; n <= Number(values.runs); n += 1) {
    runs.push(await oneRun(fleet, meter, n));
    say(`run ${n}: ${JSON.stringify(runs.at(-1))}`);
  }
  meter.close();
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  say(failures.at(-1) ?? '');
}
const result = {
  interval: {
    runs: runs.length,
    bytes: figure(runs.map(({ bytes }) => bytes)),
    sealS: figure(runs.map(({ sealS }) => sealS)),
    gapMs: figure(runs.map(({ gapMs }) => gapMs)),
    stoodMs: figure(runs.map(({ stoodMs }) => stoodMs)),
  },
  failures,
};
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
process.exitCode = runs.length === Number(values.runs) && failures.length === 0 ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
