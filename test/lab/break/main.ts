import { parseArgs } from 'node:util';
import { Bench, MACHINE, MINUTE } from '../failover/bench.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { BREAKS, type BreakKind } from './faults.ts';
import { type BreakRun, breakRun } from './run.ts';

/**
 * `npm run lab:break -- [--kind KIND] [--json] [--keep]`: the standby of an armed pair stops taking writes in every way it
 * can while both hosts live, and heals by itself. docs/lab.md says what the figures mean.
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    kind: { type: 'string', multiple: true, default: [...BREAKS] },
    json: { type: 'boolean', default: false },
    /** Leaves the lab up, to look around. */
    keep: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.error(line);
const kinds: BreakKind[] = BREAKS.filter((kind) => values.kind.includes(kind));

const breaks: BreakRun[] = [];
const failures: string[] = [];
let fleet: ProtectedFleet | null = null;
let bench: Bench | null = null;
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'break'), {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'balanced',
    witness: true,
    volumes: true,
    say,
  });
  bench = await Bench.open(fleet);
  for (const kind of kinds) {
    try {
      const run = await breakRun(bench, kind);
      breaks.push(run);
      say(JSON.stringify(run));
    } catch (error) {
      failures.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
      say(failures.at(-1) ?? '');
    }
    await fleet.mend();
    await fleet.settle(MACHINE, 5 * MINUTE);
  }
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  say(failures.at(-1) ?? '');
}
const result = { breaks, violations: bench?.violations ?? 0, failures };
await bench?.observer.stop();
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
const good =
  breaks.length === kinds.length &&
  failures.length === 0 &&
  result.violations === 0 &&
  breaks.every(({ ackedBeforeStale }) => ackedBeforeStale === 0);
process.exitCode = good ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
