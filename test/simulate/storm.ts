import { FAULT_KINDS, FAULTS } from './faults.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const FROM_MS = 4_000;
const STORM_MS = 40_000;
/** A schedule has at least so many faults that really struck. */
const LEAST = 3;
/** What a second fault may fall into the middle of. */
const AMBUSHES = [
  'take-over:',
  'take-back:',
  'hand-over:',
  'begun:',
  'stale:',
  'in-sync:',
  'armed:',
  'disarmed:',
  'candidate:',
  'confirmed:',
  'guest-start:',
  'guest runs',
  'stopped',
];

/** The faults of one schedule: some at any time, some close together, some in the middle of what another set off. */
export class Storm {
  readonly counts: Record<string, number> = {};
  readonly endMs: number;
  readonly #world: World;
  readonly #plan: Random;

  constructor(world: World, plan: Random) {
    this.#world = world;
    this.#plan = plan;
    const count = Math.floor(plan.between(3, 9));
    const stormMs = plan.chance(0.5) ? STORM_MS : STORM_MS / 4;
    this.endMs = FROM_MS + stormMs;
    const clusters = [plan.next(), plan.next()].map((x) => FROM_MS + x * stormMs);
    for (let i = 0; i < count; i += 1) {
      const kind = plan.pick(FAULT_KINDS);
      const near = plan.chance(0.5);
      const at = near ? plan.pick(clusters) + plan.between(0, 3_000) : FROM_MS + plan.next() * stormMs;
      const ms = this.#length();
      const strike = (): void => void this.#strike(kind, ms);
      const word = plan.chance(0.25) ? plan.pick(AMBUSHES) : null;
      world.kernel.after(at, word === null ? strike : () => world.ambushes.push({ word, run: strike }));
    }
  }

  /** Nothing more is lain in wait for; what did not fit or never came is made up for. True when that has to wait. */
  makeUp(): boolean {
    this.#world.ambushes.length = 0;
    let struck = Object.values(this.counts).reduce((sum, n) => sum + n, 0);
    for (let tries = 0; struck < LEAST && tries < 100; tries += 1) {
      if (this.#strike(this.#plan.pick(FAULT_KINDS), Math.min(this.#length(), 5_000))) struck += 1;
    }
    return struck < LEAST && this.#world.quietUntil > this.#world.kernel.now;
  }

  #length(): number {
    return this.#plan.chance(0.5) ? this.#plan.between(50, 2_500) : this.#plan.between(2_000, 15_000);
  }

  #strike(kind: string, ms: number): boolean {
    const world = this.#world;
    const fault = FAULTS[kind];
    if (fault === undefined || world.kernel.now < world.quietUntil || !fault(world, ms)) return false;
    world.note('---', `fault ${kind} for ${Math.round(ms)} ms`);
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    return true;
  }
}
