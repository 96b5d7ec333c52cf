import { parseArgs } from 'node:util';
import type { ReplicationMode } from '../../../agent/protocol/index.ts';
import { Bench, MACHINE, MINUTE, pause } from '../failover/bench.ts';
import { figure } from '../failover/figures.ts';
import { Meter, startFrom } from '../modes/points.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { Recorder } from '../recorder.ts';

/**
 * `npm run lab:kill -- --runs N --mode sync|async|interval [--json] [--keep]`: the host of a machine loses its power at a random
 * moment, under a client that writes new records to both of its disks; a person starts the copy. docs/lab.md says what the
 * figures mean.
 */
const KINDS = ['sync', 'async', 'interval'] as const;
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    runs: { type: 'string', default: '5' },
    mode: { type: 'string', default: 'sync' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.error(line);
const kind = KINDS.find((one) => one === values.mode);
if (kind === undefined) {
  say(`--mode ${values.mode}: one of ${KINDS.join(', ')}`);
  process.exit(2);
}

const MODES: Record<(typeof KINDS)[number], ReplicationMode> = {
  sync: { kind: 'sync' },
  async: { kind: 'async', rpoS: 8 },
  interval: { kind: 'interval', everyS: 30, retention: { last: 3, hourly: 0, daily: 0, weekly: 0 } },
};
/** Power is lost after a time of up to so many ms of writing: within any part of a cycle. */
const WITHIN_MS = { sync: 4_000, async: 8_000, interval: 40_000 }[kind];

interface Run {
  acked: number;
  missing: number;
  /** Points: how old the meter said the copy was, and how old the oldest lost record is, both s before the power went. */
  shownS: number | null;
  lostS: number;
  /** It lost what the meter had shown as safe. */
  over: boolean;
  /** From the order to start the copy to its QEMU process. */
  fenceToProcessS: number;
}

async function oneRun(bench: Bench): Promise<Run> {
  const { fleet } = bench;
  const { owner, standby } = await fleet.roles(MACHINE);
  const meter = kind === 'sync' ? null : await Meter.open(fleet, MACHINE, owner);
  const recorder = await Recorder.start(fleet.lab, MACHINE, 3);
  try {
    await recorder.waitForMore(100, MINUTE);
    // One that holds nothing of this client's would be no trial of it.
    await meter?.newer(2 * MINUTE);
    await pause(Math.random() * WITHIN_MS);
    await fleet.lab.powerOff(owner);
    const lostAt = Date.now();
    const shown = meter?.last?.wholeUntil ?? null;
    await recorder.stop();
    const acknowledged = await recorder.acknowledged();
    const ordered = await startFrom(fleet, MACHINE, standby);
    const started = await bench.startOn(standby, ordered);
    const { acked, missing, examples } = await recorder.verify();
    const first = Math.min(
      ...acknowledged.filter(({ number }) => examples.includes(number)).map(({ at }) => at),
      lostAt,
    );
    return {
      acked,
      missing,
      shownS: shown === null ? null : (lostAt - shown) / 1000,
      lostS: missing === 0 ? 0 : (lostAt - first) / 1000,
      over: missing > 0 && (shown === null || first <= shown),
      fenceToProcessS: (started - ordered) / 1000,
    };
  } finally {
    meter?.close();
    await recorder.stop();
  }
}

const runs: Run[] = [];
const failures: string[] = [];
let fleet: ProtectedFleet | null = null;
let bench: Bench | null = null;
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'kill'), {
    machines: [MACHINE],
    policy: 'manual',
    profile: 'balanced',
    witness: false,
    replication: MODES[kind],
    say,
  });
  bench = await Bench.open(fleet);
  for (let n = 1; n <= Number(values.runs); n += 1) {
    try {
      const run = await oneRun(bench);
      runs.push(run);
      say(`run ${n}: ${JSON.stringify(run)}`);
    } catch (error) {
      failures.push(`run ${n}: ${error instanceof Error ? error.message : String(error)}`);
      say(failures.at(-1) ?? '');
    }
    await fleet.mend();
    await fleet.settle(MACHINE, 5 * MINUTE);
    await fleet.dropAside();
  }
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  say(failures.at(-1) ?? '');
}
const sum = (name: 'acked' | 'missing'): number => runs.reduce((total, run) => total + run[name], 0);
const result = {
  mode: kind,
  runs: runs.length,
  acked: sum('acked'),
  missing: sum('missing'),
  fenceToProcessS: figure(runs.map((run) => run.fenceToProcessS)),
  ...(kind === 'sync'
    ? {}
    : {
        overMeter: runs.filter(({ over }) => over).length,
        shownS: figure(runs.map((run) => run.shownS)),
        lostS: figure(runs.map((run) => run.lostS)),
      }),
  violations: bench?.violations ?? 0,
  failures,
};
await bench?.observer.stop();
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
const lost = kind === 'sync' ? result.missing : (result.overMeter ?? 0);
const good =
  runs.length === Number(values.runs) && failures.length === 0 && lost === 0 && result.violations === 0;
process.exitCode = good ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
