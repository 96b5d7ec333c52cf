import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { caughtBy, keeperFor, MISTAKE_NAMES, type Mistake } from './mistakes.ts';
import { runSchedule } from './schedule.ts';
import type { Keeper } from './world.ts';

/** Somebody else keeps the copy (docs/external.md). */
const given = (['shared', 'external'] as const).find((keeper) => process.argv.includes(`--${keeper}`));
const KEEPER: Keeper = given ?? 'ours';
/** How many schedules may pass before a seeded mistake counts as missed. */
const PER_MISTAKE = 30_000;

interface Order {
  from: number;
  count: number;
  mistake: Mistake | null;
  stopAtFirst: boolean;
  keeper: Keeper;
}
interface Detail {
  seed: number;
  invariant: string;
  what: string;
  atMs: number;
}
interface Sum {
  schedules: number;
  ms: number;
  violations: number;
  thawOverlapMs: number;
  faults: Record<string, number>;
  details: Detail[];
}

const nothing = (): Sum => ({
  schedules: 0,
  ms: 0,
  violations: 0,
  thawOverlapMs: 0,
  faults: {},
  details: [],
});

function work(order: Order): Sum {
  const sum = nothing();
  for (let i = 0; i < order.count; i += 1) {
    const result = runSchedule(order.from + i, order.mistake, { keeper: order.keeper });
    sum.schedules += 1;
    sum.ms += result.simulatedMs;
    sum.thawOverlapMs = Math.max(sum.thawOverlapMs, result.thawOverlapMs);
    for (const [kind, n] of Object.entries(result.faults)) sum.faults[kind] = (sum.faults[kind] ?? 0) + n;
    const counted = result.violations.filter((one) => caughtBy(order.mistake, one.invariant));
    if (counted.length === 0) continue;
    sum.violations += counted.length;
    const [first] = counted;
    if (first !== undefined && sum.details.length < 50) sum.details.push({ seed: result.seed, ...first });
    if (order.stopAtFirst) break;
    // A long run tells at once what it has found; the report comes at its end.
    console.error(`seed ${result.seed}: ${first?.invariant}: ${first?.what}`);
  }
  return sum;
}

function merge(sums: Sum[]): Sum {
  const all = nothing();
  for (const sum of sums) {
    all.schedules += sum.schedules;
    all.ms += sum.ms;
    all.violations += sum.violations;
    all.thawOverlapMs = Math.max(all.thawOverlapMs, sum.thawOverlapMs);
    for (const [kind, n] of Object.entries(sum.faults)) all.faults[kind] = (all.faults[kind] ?? 0) + n;
    all.details.push(...sum.details);
  }
  return all;
}

/** Spreads the seeds over the processors; the result does not depend on how many there are. */
async function spread(from: number, count: number): Promise<Sum> {
  const workers = Math.min(availableParallelism(), Math.ceil(count / 200));
  if (workers <= 1) return work({ from, count, mistake: null, stopAtFirst: false, keeper: KEEPER });
  const share = Math.ceil(count / workers);
  const orders = Array.from({ length: workers }, (_, i) => ({
    from: from + i * share,
    count: Math.max(0, Math.min(share, count - i * share)),
    mistake: null,
    stopAtFirst: false,
    keeper: KEEPER,
  }));
  return merge(await Promise.all(orders.map(inWorker)));
}

/** Every mistake until it is caught, on all processors. */
async function seedMistakes(from: number, count: number): Promise<Map<Mistake, Detail | null>> {
  const found = new Map<Mistake, Detail | null>();
  const left = [...MISTAKE_NAMES];
  const runner = async (): Promise<void> => {
    for (let mistake = left.shift(); mistake !== undefined; mistake = left.shift()) {
      const sum = await inWorker({
        from,
        count,
        mistake,
        stopAtFirst: true,
        keeper: keeperFor(mistake, KEEPER),
      });
      found.set(mistake, sum.details[0] ?? null);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, runner));
  return found;
}

const inWorker = (order: Order): Promise<Sum> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: order });
    worker.once('message', resolve);
    worker.once('error', reject);
  });

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 0) {
    console.error(`--${name} needs a whole number, for example: npm run simulate -- --${name} ${fallback}`);
    process.exit(2);
  }
  return value;
}

function tell(seed: number): void {
  const at = process.argv.indexOf('--mistake');
  const mistake = MISTAKE_NAMES.find((name) => name === process.argv[at + 1]) ?? null;
  const made = at < 0 ? null : mistake;
  const keeper = made === null ? KEEPER : keeperFor(made, KEEPER);
  const result = runSchedule(seed, made, { telling: true, keeper });
  for (const line of result.story) console.log(line);
  for (const one of result.violations) console.log(`${one.invariant} at ${one.atMs} ms: ${one.what}`);
  process.exit(result.violations.length === 0 ? 0 : 1);
}

async function main(): Promise<void> {
  const seed = option('seed', 1);
  if (process.argv.includes('--tell')) return tell(seed);
  const began = process.hrtime.bigint();
  const sum = await spread(seed, option('schedules', 2_000));
  const wanted = process.argv.includes('--mistakes');
  const found = wanted ? await seedMistakes(seed, option('per-mistake', PER_MISTAKE)) : new Map();
  const mistakes = Object.fromEntries(
    [...found].map(([mistake, detail]) => [mistake, detail === null ? 'missed' : 'caught']),
  );
  const report = {
    schedules: sum.schedules,
    seconds: Math.round(sum.ms / 1000),
    violations: sum.violations,
    faults: sum.faults,
    mistakes,
    violationDetails: sum.details,
  };
  const more = {
    wallSeconds: Number(process.hrtime.bigint() - began) / 1e9,
    thawOverlapMs: Math.round(sum.thawOverlapMs),
    mistakeDetails: Object.fromEntries(found),
  };
  // For people: the report itself is for programs, and comes last.
  console.error(JSON.stringify(more));
  console.log(process.argv.includes('--json') ? JSON.stringify(report) : JSON.stringify(report, null, 2));
  const missed = Object.values(mistakes).includes('missed');
  process.exitCode = sum.violations > 0 || missed ? 1 : 0;
}

if (isMainThread) await main();
else parentPort?.postMessage(work(workerData as Order));
