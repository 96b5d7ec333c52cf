import { parseArgs } from 'node:util';
import { MACHINE } from '../failover/bench.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { type PointCosts, pointCosts } from './points.ts';
import { oneRound, type Round, ratiosOf, speedsOf } from './throughput.ts';

/**
 * `npm run bench:replication -- [--runs N] [--ms M] [--json] [--keep]`: what each way to keep a copy costs the machine that is
 * copied, on real hosts: how fast its disk takes writes in so many rounds, each with a measurement of M ms for every way, and
 * what a restore point costs, so many times. docs/lab.md says what the figures mean.
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    runs: { type: 'string', default: '5' },
    ms: { type: 'string', default: '4000' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.error(line);
const [runs, ms] = [Number(values.runs), Number(values.ms)];

const rounds: Round[] = [];
const failures: string[] = [];
let interval: PointCosts | null = null;
let fleet: ProtectedFleet | null = null;
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'bench-repl'), {
    machines: [],
    policy: 'manual',
    profile: 'balanced',
    witness: false,
    say,
  });
  for (let n = 1; n <= runs; n += 1) {
    const round = await oneRound(fleet, MACHINE, ms);
    rounds.push(round);
    say(`round ${n}: ${JSON.stringify(round)}`);
  }
  interval = await pointCosts(fleet, MACHINE, runs, say);
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  say(failures.at(-1) ?? '');
}
const result = {
  rounds: rounds.length,
  speeds: speedsOf(rounds),
  ratios: ratiosOf(rounds),
  interval,
  failures,
};
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
process.exitCode = failures.length === 0 ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
