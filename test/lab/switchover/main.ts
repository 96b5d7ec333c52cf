import { parseArgs } from 'node:util';
import { Bench, MACHINE, MINUTE } from '../failover/bench.ts';
import { figure } from '../failover/figures.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { byHand, type SwitchoverRun, switchoverRun, type Way } from './runs.ts';

/**
 * `npm run lab:switchover -- --runs N [--way live|cold] [--json] [--keep]`: moves an armed machine to and fro between two
 * real hosts, N times in each way, and measures what its clients see. docs/lab.md says what the figures mean.
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    runs: { type: 'string', default: '5' },
    way: { type: 'string', default: 'both' },
    json: { type: 'boolean', default: false },
    /** Leaves the lab up, to look around. */
    keep: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.error(line);
const wanted = Number(values.runs);
const WAYS: Record<string, Way[]> = { both: ['live', 'cold'], live: ['live'], cold: ['cold'] };
const ways = WAYS[values.way];
if (ways === undefined || !Number.isInteger(wanted) || wanted < 1) {
  say('--runs N --way live|cold|both');
  process.exit(2);
}

interface Measured {
  runs: SwitchoverRun[];
  failures: string[];
  /** The same by hand, of the unprotected twin. */
  hand: { httpGapS: number; writeGapS: number }[];
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function measure(bench: Bench, fleet: ProtectedFleet, way: Way): Promise<Measured> {
  const measured: Measured = { runs: [], failures: [], hand: [] };
  for (let n = 1; n <= wanted; n++) {
    try {
      if (way === 'cold') measured.hand.push(await byHand(fleet.lab));
      const run = await switchoverRun(bench, way);
      measured.runs.push(run);
      say(
        `${way} ${n}: ${JSON.stringify({ ...run, byHand: way === 'cold' ? measured.hand.at(-1) : undefined })}`,
      );
    } catch (error) {
      measured.failures.push(`${way} ${n}: ${text(error)}`);
      say(measured.failures.at(-1) ?? '');
      await fleet.settle(MACHINE, 5 * MINUTE);
    }
  }
  return measured;
}

function summary({ runs, failures, hand }: Measured): Record<string, unknown> {
  const httpGapS = figure(runs.map((run) => run.httpGapS));
  const byHandHttpGapS = figure(hand.map((run) => run.httpGapS));
  const both = httpGapS !== null && byHandHttpGapS !== null;
  const over = both
    ? { byHandHttpGapS, overByHandS: Number((httpGapS.median - byHandHttpGapS.median).toFixed(3)) }
    : {};
  const directions = [...new Set(runs.map(({ from, to }) => `${from}>${to}`))].map((direction) => {
    const those = runs.filter(({ from, to }) => `${from}>${to}` === direction);
    return [direction, { runs: those.length, httpGapS: figure(those.map(({ httpGapS }) => httpGapS)) }];
  });
  return {
    httpGapS,
    writeGapS: figure(runs.map(({ writeGapS }) => writeGapS)),
    runs: runs.length,
    failed: failures.length,
    ...over,
    taskS: figure(runs.map(({ taskS }) => taskS)),
    inSyncS: figure(runs.map(({ inSyncS }) => inSyncS)),
    /** Copies that agreed again without a comparison. */
    byChanges: runs.filter(({ caughtUp }) => caughtUp?.way === 'changes').length,
    catchUpPauseMs: figure(runs.flatMap(({ caughtUp }) => (caughtUp ? [caughtUp.pauseMs] : []))),
    goOnS: figure(runs.map(({ goOnS }) => goOnS)),
    acked: runs.reduce((sum, { acked }) => sum + acked, 0),
    missing: runs.reduce((sum, { missing }) => sum + missing, 0),
    directions: Object.fromEntries(directions),
    failures,
  };
}

const results: Record<string, Record<string, unknown>> = {};
let violations = 0;
let details: unknown[] = [];
let fatal: string | null = null;
let fleet: ProtectedFleet | null = null;
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'switchover'), {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
    say,
  });
  const bench = await Bench.open(fleet);
  for (const way of ways) results[way] = summary(await measure(bench, fleet, way));
  violations = bench.violations;
  details = [...bench.observer.violations, ...bench.observer.late];
  await bench.observer.stop();
} catch (error) {
  fatal = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say(fatal);
}
if (fleet && !values.keep) await fleet.down();
const result = { ...results, violations, violationDetails: details, ...(fatal === null ? {} : { fatal }) };
if (!values.json) say(JSON.stringify(result, null, 2));
const good = Object.values(results).every(({ failed, missing }) => failed === 0 && missing === 0);
process.exitCode = good && violations === 0 && fatal === null ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
