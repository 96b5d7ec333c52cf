import { FAULT_KINDS, FAULTS } from './faults.ts';
import type { Host } from './host.ts';
import { Livelock } from './kernel.ts';
import { type Mistake, rulesWith } from './mistakes.ts';
import { Random } from './random.ts';
import { type Violation, World } from './world.ts';

export interface ScheduleResult {
  seed: number;
  simulatedMs: number;
  faults: Record<string, number>;
  violations: Violation[];
  thawOverlapMs: number;
  story: string[];
}

const STORM_FROM_MS = 4_000;
const STORM_MS = 40_000;
const MIN_MS = 60_000;
/** What a second fault may fall into the middle of. */
const AMBUSHES = [
  'take-over',
  'take-back',
  'hand-over',
  'begun:',
  'stale:',
  'in-sync:',
  'armed:',
  'candidate:',
  'confirmed',
  'guest runs',
  'stopped',
];

/** One schedule: a quiet start, a storm of at least three faults, then time to get well, and judgement. */
export function runSchedule(seed: number, mistake: Mistake | null = null, telling = false): ScheduleResult {
  const plan = new Random(seed * 2 + 1);
  const world = new World(seed, rulesWith(mistake), telling);
  const faults: Record<string, number> = {};
  const count = Math.floor(plan.between(3, 9));
  const stormMs = plan.chance(0.5) ? STORM_MS : STORM_MS / 4;
  const clusters = [plan.next(), plan.next()].map((x) => STORM_FROM_MS + x * stormMs);
  for (let i = 0; i < count; i += 1) {
    const kind = plan.pick(FAULT_KINDS);
    const clustered = plan.chance(0.5);
    const at = clustered
      ? plan.pick(clusters) + plan.between(0, 3_000)
      : STORM_FROM_MS + plan.next() * stormMs;
    const ms = plan.chance(0.5) ? plan.between(50, 2_500) : plan.between(2_000, 15_000);
    const strike = (): void => {
      const fault = FAULTS[kind];
      if (fault === undefined || world.kernel.now < world.quietUntil || !fault(world, ms)) return;
      world.note('---', `fault ${kind} for ${Math.round(ms)} ms`);
      faults[kind] = (faults[kind] ?? 0) + 1;
    };
    const word = plan.chance(0.25) ? plan.pick(AMBUSHES) : null;
    world.kernel.after(at, word === null ? strike : () => world.ambushes.push({ word, run: strike }));
  }
  keepBackups(world);
  operator(world);
  try {
    world.kernel.runUntil(STORM_FROM_MS + stormMs + 4_000);
    world.ambushes.length = 0;
    world.kernel.runUntil(world.kernel.now + 16_000);
    world.kernel.runUntil(Math.max(MIN_MS, world.kernel.now + world.settleMs()));
    judge(world);
  } catch (error) {
    if (!(error instanceof Livelock)) throw error;
    world.violate('I7', error.message);
  }
  const { violations, thawOverlapMs, story } = world;
  return { seed, simulatedMs: world.kernel.now, faults, violations, thawOverlapMs, story };
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

/** I7, and that a pair with all its nodes protects itself again. */
function judge(world: World): void {
  const record = world.truth();
  const running = world.members.filter((host) => host.running);
  const settings = record === null || record.paused;
  if (world.forced) {
    if (running.length > 1)
      world.violate('I1', `two copies long after a forced failover (${describe(world)})`);
    return;
  }
  if (running.length === 1) {
    if (world.gone === null && record?.armed !== true && !settings) {
      world.violate('I7', `everything is well, and the pair is not armed (${describe(world)})`);
    }
    return;
  }
  if (asksPerson(world)) return;
  world.violate('I7', `${running.length} hosts run the guest at the end (${describe(world)})`);
}

/** Where the contract itself says that a person is needed. */
function asksPerson(world: World): boolean {
  const record = world.truth();
  const { gone } = world;
  if (gone === null || record === null || !gone.isMember) return false;
  // The unarmed owner is gone for good: an unarmed pair has no automatic successor.
  if (record.owner === gone.id) return record.begun || record.former !== world.other(gone).id;
  // The unarmed owner has booted and the standby's record cannot be read any more.
  const left = world.other(gone);
  return !record.armed && left.boots > 0;
}

const describe = (world: World): string => {
  const record = world.truth();
  const hosts = world.hosts.map((host: Host) => `${host.id} ${host.power} ${host.guest}`).join(', ');
  return `${hosts}; epoch ${record?.epoch.n} ${record?.owner} ${record?.begun ? 'begun' : 'not begun'} ${record?.replica.state}`;
};
