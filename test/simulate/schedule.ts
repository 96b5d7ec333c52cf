import { judge } from './judge.ts';
import { Livelock } from './kernel.ts';
import { type Mistake, rulesWith } from './mistakes.ts';
import { Random } from './random.ts';
import { Storm } from './storm.ts';
import { type Keeper, type Violation, World } from './world.ts';

export interface ScheduleResult {
  seed: number;
  simulatedMs: number;
  faults: Record<string, number>;
  violations: Violation[];
  thawOverlapMs: number;
  story: string[];
}

const MIN_MS = 60_000;

/** One schedule: a quiet start, a storm of at least three faults, then time to get well, and judgement. */
export function runSchedule(
  seed: number,
  mistake: Mistake | null = null,
  { telling = false, keeper = 'ours' }: { telling?: boolean; keeper?: Keeper } = {},
): ScheduleResult {
  const plan = new Random(seed * 2 + 1);
  const rules = rulesWith(mistake);
  const witness = !plan.chance(0.06);
  const world = new World({ seed, rules, telling, witness, keeper });
  const worlds = plan.chance(0.12)
    ? [world, new World({ seed, rules, telling, first: world, keeper })]
    : [world];
  const storm = new Storm(world, plan);
  for (const one of worlds) {
    keepBackups(one);
    operator(one);
    one.reach.watch();
  }
  try {
    world.kernel.runUntil(storm.endMs + 4_000);
    // A loss of memory wants quiet for a while.
    while (storm.makeUp()) world.kernel.runUntil(world.quietUntil);
    world.kernel.runUntil(world.kernel.now + 20_000);
    world.kernel.runUntil(Math.max(MIN_MS, world.kernel.now + world.settleMs()));
    for (const one of worlds) judge(one);
  } catch (error) {
    if (!(error instanceof Livelock)) throw error;
    world.violate('I7', error.message);
  }
  const { violations, story } = world;
  const thawOverlapMs = Math.max(...worlds.map((one) => one.thawOverlapMs));
  return { seed, simulatedMs: world.kernel.now, faults: storm.counts, violations, thawOverlapMs, story };
}

/** Every host's state is backed up now and then, to be restored by a fault. */
function keepBackups(world: World): void {
  for (const host of world.hosts) {
    const backUp = (): void => {
      host.backup = host.disk;
      world.kernel.after(world.random.between(2_000, 20_000), backUp);
    };
    world.kernel.after(world.random.between(500, 10_000), backUp);
  }
}

/** A person who looks after quarantined copies, and nothing else. */
function operator(world: World): void {
  const look = (): void => {
    for (const host of world.members) {
      const superseded = world.truth()?.owner !== host.id;
      if (host.quarantined && superseded && host.guest === 'none' && !host.running) host.quarantined = false;
    }
    world.kernel.after(2_500, look);
  };
  look();
}
