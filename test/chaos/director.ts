import { Random } from '../simulate/random.ts';
import { ALL_KINDS } from './ambush.ts';
import { type Kind, pause, type Scene } from './scene.ts';

/** Which faults happen when: by the seed alone, as far as the lab allows it. */

export interface Cue {
  kind: Kind;
  machine: string;
  holdMs: number;
  /** Until the next fault begins. */
  nextMs: number;
  random: Random;
}

/** Faults of a machine begin this far apart: more than three a minute, and time to arm again in most pauses. */
const APART_MS: [number, number] = [4_000, 22_000];

/** The n-th fault of a seed; does not depend on what came of those before. */
export function cue(
  seed: number,
  n: number,
  machines: readonly string[],
  kinds: readonly Kind[] = ALL_KINDS,
): Cue {
  const random = new Random(seed * 100_003 + n);
  const kind = random.pick(kinds.flatMap((each) => Array.from({ length: each.weight }, () => each)));
  const [low, high] = kind.holdMs;
  return {
    kind,
    machine: random.pick(machines),
    holdMs: Math.round(random.between(low, high)),
    nextMs: Math.round(random.between(...APART_MS)),
    random,
  };
}

const UNDO_TRIES = 10;
/** At most so many faults at once. */
const AT_ONCE = 2;

/** Runs the faults of a seed until the time is over; resolves when the last of them has been undone. */
export class Director {
  readonly #scene: Scene;
  readonly #seed: number;
  readonly #kinds: readonly Kind[];
  readonly #running = new Set<Promise<void>>();
  /** Faults that could not be brought about or undone: mistakes of the tester, told in the end. */
  readonly troubles: string[] = [];

  constructor(scene: Scene, seed: number, kinds: readonly Kind[]) {
    this.#scene = scene;
    this.#seed = seed;
    this.#kinds = kinds;
  }

  async play(untilMs: number): Promise<void> {
    for (let n = 1; Date.now() < untilMs; n++) {
      while (this.#running.size >= AT_ONCE) await Promise.race(this.#running);
      const next = cue(this.#seed, n, this.#scene.fleet.plan.machines, this.#kinds);
      const begun = Date.now();
      const happened = await this.#begin(next);
      // What cannot happen now costs no time: the next one comes at once.
      if (happened)
        await pause(Math.max(0, Math.min(next.nextMs, untilMs - Date.now()) - (Date.now() - begun)));
      else await pause(200);
    }
    await Promise.all(this.#running);
  }

  async #begin({ kind, machine, holdMs, random }: Cue): Promise<boolean> {
    const scene = this.#scene;
    try {
      const roles = await scene.roles(machine);
      scene.say(`${kind.name} of ${machine} (${roles.owner} > ${roles.standby}) for ${holdMs} ms`);
      const undo = await kind.strike(scene, roles, random);
      if (!undo) {
        scene.say(`... ${kind.name} cannot happen now`);
        return false;
      }
      scene.count(kind.name);
      const rest = pause(holdMs)
        .then(() => this.#undo(kind.name, undo))
        .finally(() => this.#running.delete(rest));
      this.#running.add(rest);
      return true;
    } catch (error) {
      this.#trouble(kind.name, error);
      return false;
    }
  }

  /** Again and again: a host that stayed off would make an empty stage of the rest of the run. */
  async #undo(name: string, undo: () => Promise<void>): Promise<void> {
    for (let tries = 1; tries <= UNDO_TRIES; tries++) {
      try {
        await undo();
        return;
      } catch (error) {
        this.#trouble(`undoing ${name}`, error);
        await pause(2_000);
      }
    }
  }

  #trouble(what: string, error: unknown): void {
    const text = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    this.troubles.push(text);
    this.#scene.say(`TROUBLE ${text}`);
  }
}
