import { parseArgs } from 'node:util';
import type { Profile } from '../../../agent/protocol/index.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import { Bench, MACHINE, MINUTE } from './bench.ts';
import { figure } from './figures.ts';
import { type HandoverRun, handoverRun } from './handover.ts';
import { OUTAGES, type OutageRun, outageRun } from './outages.ts';
import { STALLS, type StallRun, stallRun } from './stalls.ts';

/**
 * `npm run lab:failover -- --runs N --fault KIND --profile fast|balanced|patient [--json] [--keep]`: breaks an armed
 * pair on real hosts again and again and measures what a client sees. docs/lab.md says what the figures mean.
 */
const KINDS = [...OUTAGES, ...STALLS, 'handover'] as const;
const PROFILES: Profile[] = ['fast', 'balanced', 'patient'];
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    runs: { type: 'string', default: '5' },
    fault: { type: 'string', default: 'power' },
    profile: { type: 'string', default: 'balanced' },
    json: { type: 'boolean', default: false },
    /** Leaves the lab up, to look around. */
    keep: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.error(line);

function chosen<T extends string>(what: string, given: string, from: readonly T[]): T {
  const found = from.find((one) => one === given);
  if (found === undefined) {
    say(`--${what} ${given}: one of ${from.join(', ')}`);
    process.exit(2);
  }
  return found;
}

const fault = chosen('fault', values.fault, KINDS);
const profile = chosen('profile', values.profile, PROFILES);
const wanted = Number(values.runs);

type Run = OutageRun | StallRun | HandoverRun;

async function oneRun(bench: Bench): Promise<Run> {
  if (fault === 'handover') return handoverRun(bench);
  const stall = STALLS.find((kind) => kind === fault);
  if (stall) return stallRun(bench, stall);
  return outageRun(bench, chosen('fault', fault, OUTAGES));
}

/** All of one name in all runs; runs that lack it are left out. */
const all = (runs: Run[], name: string): (number | null)[] =>
  runs.map((run) => {
    const value = (run as unknown as Record<string, unknown>)[name];
    return typeof value === 'number' ? value : null;
  });
const sum = (runs: Run[], name: string): number => all(runs, name).reduce((a: number, b) => a + (b ?? 0), 0);

const FIGURES: Record<'outage' | 'stall' | 'handover', string[]> = {
  outage: ['outageS', 'gapS', 'vmStartS', 'haPartS', 'detectS', 'decideS', 'startS', 'answerS'],
  stall: ['stallS', 'staleS'],
  handover: ['outageS', 'byHandS', 'overS', 'betweenS', 'byHandBetweenS'],
};

function report(runs: Run[], failures: string[], bench: Bench | null): Record<string, unknown> {
  const kind = fault === 'handover' ? 'handover' : fault.startsWith('stall') ? 'stall' : 'outage';
  return {
    fault,
    profile,
    runs: runs.length,
    ...Object.fromEntries(FIGURES[kind].map((name) => [name, figure(all(runs, name))])),
    ...(kind === 'outage' ? { pauses: sum(runs, 'pauses'), restarts: sum(runs, 'restarts') } : {}),
    acked: sum(runs, 'acked'),
    missing: sum(runs, 'missing'),
    violations: bench?.violations ?? 0,
    violationDetails: bench ? [...bench.observer.violations, ...bench.observer.late] : [],
    thawOverlapMs: bench?.observer.thawOverlapMs ?? 0,
    observerGapMs: bench?.observer.worstGapMs ?? 0,
    failures,
  };
}

const runs: Run[] = [];
const failures: string[] = [];
let fleet: ProtectedFleet | null = null;
let bench: Bench | null = null;
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'failover'), {
    machines: [MACHINE],
    policy: 'automatic',
    profile,
    witness: true,
    volumes: fault === 'stall-error',
    say,
  });
  bench = await Bench.open(fleet);
  for (let n = 1; n <= wanted; n++) {
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
  }
} catch (error) {
  failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  say(failures.at(-1) ?? '');
}
const result = report(runs, failures, bench);
await bench?.observer.stop();
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
const good =
  runs.length === wanted && failures.length === 0 && result.missing === 0 && result.violations === 0;
process.exitCode = good ? 0 : 1;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
