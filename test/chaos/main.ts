import { parseArgs } from 'node:util';
import { places } from '../lab/places.ts';
import { ProtectedFleet } from '../lab/protected-fleet.ts';
import { ALL_KINDS } from './ambush.ts';
import { FIRST_WAY } from './kinds-mode.ts';
import { play, type Result } from './play.ts';

/**
 * `npm run chaos -- --seed S --minutes M [--profile P] [--machines N] [--kinds a,b] [--json] [--keep]`: real hosts, real faults,
 * chosen by the seed. Ends with the figures as one JSON object. What counts as a violation: verdict.ts, play.ts.
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '3' },
    profile: { type: 'string', default: 'fast' },
    machines: { type: 'string', default: '1' },
    /** Only these kinds of faults; all when empty. */
    kinds: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const began = Date.now();
const say = (line: string): void =>
  console.error(`${Date.now()} ${((Date.now() - began) / 1000).toFixed(1).padStart(7)} ${line}`);
const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
const profile = (['fast', 'balanced', 'patient'] as const).find((one) => one === values.profile);
if (!Number.isInteger(seed) || !(minutes > 0) || !profile) {
  say('--seed needs a whole number, --minutes a number, --profile fast, balanced or patient');
  process.exit(2);
}
const kinds = ALL_KINDS.filter(({ name }) => values.kinds === '' || values.kinds.split(',').includes(name));
const machines = ['erp', 'shop'].slice(0, Number(values.machines));
// One of two is armed; how the other's copy is kept changes all the time, and a person decides about it.
const loose = Object.fromEntries(machines.slice(1).map((machine) => [machine, FIRST_WAY]));

let fleet: ProtectedFleet | null = null;
let result: Result | { seed: number; violations: number; error: string };
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'chaos'), {
    machines,
    loose,
    policy: 'automatic',
    profile,
    witness: true,
    volumes: true,
    bystanders: true,
    say,
  });
  result = await play(fleet, { seed, minutes, kinds, say });
} catch (error) {
  result = {
    seed,
    violations: 1,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
  say(result.error);
}
if (fleet && !values.keep) await fleet.down();
if (!values.json) say(JSON.stringify(result, null, 2));
/** Faults that hardly ever met an armed pair have proved nothing. */
const ARMED_SHARE = 0.25;
const idle = 'armedShare' in result && result.armedShare < ARMED_SHARE;
if (idle) say('the pair was armed too rarely for this run to say anything');
process.exitCode = 'error' in result || idle || result.violations > 0 || result.missing > 0 ? 1 : 0;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
