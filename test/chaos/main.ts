import { parseArgs } from 'node:util';
import { places } from '../lab/places.ts';
import { ProtectedFleet } from '../lab/protected-fleet.ts';
import { kindsFor } from './ambush.ts';
import { cast, MOST_MACHINES } from './cast.ts';
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
const count = Number(values.machines);
const countable = Number.isInteger(count) && count >= 1 && count <= MOST_MACHINES;
if (!Number.isInteger(seed) || !(minutes > 0) || !profile || !countable) {
  say(
    `--seed needs a whole number, --minutes a number, --profile fast, balanced or patient, --machines 1 to ${MOST_MACHINES}`,
  );
  process.exit(2);
}
const players = cast(count, seed);
const kinds = kindsFor(Object.keys(players.attended).length).filter(
  ({ name }) => values.kinds === '' || values.kinds.split(',').includes(name),
);

let fleet: ProtectedFleet | null = null;
let result: Result | { seed: number; violations: number; error: string };
try {
  fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'chaos'), {
    ...players,
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
const damaged = 'error' in result || result.violations > 0 || result.missing > 0;
// What was violated is looked for in its hosts, its records and what the observer saw (observed.jsonl).
const keep = values.keep || (damaged && process.env.CI !== 'true');
if (fleet && !keep) await fleet.down();
else if (fleet) say(`the lab stays up: ${fleet.lab.places.state}; npm run lab -- down ends it`);
if (!values.json) say(JSON.stringify(result, null, 2));
/** Faults that hardly ever met an armed pair have proved nothing. */
const ARMED_SHARE = 0.25;
const idle =
  'machines' in result
    ? Object.entries(result.machines).filter(
        ([, { armedShare }]) => armedShare !== null && armedShare < ARMED_SHARE,
      )
    : [];
for (const [name] of idle) say(`${name} was armed too rarely for this run to say anything of it`);
process.exitCode = damaged || idle.length > 0 ? 1 : 0;
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
