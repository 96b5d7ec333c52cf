import { parseArgs } from 'node:util';
import { figure } from '../failover/figures.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { Recorder } from '../recorder.ts';
import { identical, orderDrill, resultOf, setCheck, traces, untilEnded, untilStep } from './drilling.ts';
import { Escapes } from './escapes.ts';

/**
 * `npm run lab:drill -- [--runs N] [--json] [--keep]`: tries the copy of an armed, busy machine out on real hosts, and measures
 * what that costs it. docs/lab.md says what the figures mean.
 */
const MACHINE = 'erp';
const MINUTE = 60_000;
/** How long the writer is counted before each drill, and beside its paused copy, ms. */
const WINDOW_MS = 10_000;
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.error(line);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Run {
  pointMs: number;
  /** From the order to start it until its page was there. */
  answerS: number;
  undoMs: number;
  /** From the order to the end of the teardown. */
  wholeS: number;
  writerBefore: number;
  writerDuring: number;
  writerRatio: number;
  escaped: number;
  traces: string[];
  identical: boolean;
}

/** Acknowledgements in a second, over one window. */
async function rate(recorder: Recorder): Promise<number> {
  const [from, began] = [recorder.acked, performance.now()];
  await pause(WINDOW_MS);
  return ((recorder.acked - from) / (performance.now() - began)) * 1000;
}

async function oneRun(fleet: ProtectedFleet, recorder: Recorder): Promise<Run> {
  const { standby } = await fleet.roles(MACHINE);
  const escapes = await Escapes.watch(fleet.lab, standby, fleet.lab.guest(MACHINE).mac);
  const writerBefore = await rate(recorder);
  const began = performance.now();
  const id = await orderDrill(fleet, MACHINE, (WINDOW_MS + 3_000) / 1000);
  await untilStep(fleet, standby, id, 'answer', /standing, paused/);
  const writerDuring = await rate(recorder);
  const task = await untilEnded(fleet, standby, id);
  if (task.state !== 'done')
    throw new Error(`the drill ended ${task.state}: ${JSON.stringify(task.problem)}`);
  const result = await resultOf(fleet, MACHINE, id);
  return {
    pointMs: result.pointMs ?? Number.NaN,
    answerS: ((result.startMs ?? Number.NaN) + (result.answerMs ?? Number.NaN)) / 1000,
    undoMs: result.undoMs ?? Number.NaN,
    wholeS: (performance.now() - began) / 1000,
    writerBefore,
    writerDuring,
    writerRatio: writerDuring / writerBefore,
    escaped: await escapes.count(),
    traces: await traces(fleet, standby),
    identical: await identical(fleet, MACHINE),
  };
}

const runs: Run[] = [];
const failures: string[] = [];
let fleet: ProtectedFleet | null = null;
let verdict = { acked: 0, missing: 0 };
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'drill'), {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
    say,
  });
  await setCheck(fleet, MACHINE, { kind: 'http', port: 80, path: '/' });
  const recorder = await Recorder.start(fleet.lab, MACHINE, 2);
  await recorder.waitForMore(200, MINUTE);
  for (let n = 1; n <= Number(values.runs); n += 1) {
    try {
      runs.push(await oneRun(fleet, recorder));
      say(`run ${n}: ${JSON.stringify(runs.at(-1))}`);
    } catch (error) {
      failures.push(`run ${n}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      say(failures.at(-1) ?? '');
    }
    await fleet.settle(MACHINE, 5 * MINUTE);
  }
  await recorder.stop();
  verdict = await recorder.verify();
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  say(failures.at(-1) ?? '');
}

const middle = (name: 'pointMs' | 'answerS' | 'undoMs' | 'writerRatio' | 'wholeS'): number | null =>
  figure(runs.map((run) => run[name]))?.median ?? null;
const result = {
  runs: runs.length,
  pointMs: middle('pointMs'),
  answerS: middle('answerS'),
  undoMs: middle('undoMs'),
  escaped: runs.reduce((sum, run) => sum + run.escaped, 0),
  writerRatio: middle('writerRatio'),
  wholeS: middle('wholeS'),
  acked: verdict.acked,
  missing: verdict.missing,
  traces: runs.flatMap((run) => run.traces),
  identical: runs.every((run) => run.identical),
  each: runs,
  failures,
};
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
const good =
  runs.length === Number(values.runs) &&
  failures.length === 0 &&
  result.escaped === 0 &&
  result.missing === 0 &&
  result.traces.length === 0 &&
  result.identical;
process.exitCode = good ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
