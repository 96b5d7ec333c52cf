import type { FleetPatch } from '../../src-main/contract/index.ts';
import { joinedPatch } from '../../src-main/contract/patch.ts';

/** A window that is not seen draws no frames: then changes wait no longer than this, ms. */
const UNSEEN_MS = 100;

/** Changes of the fleet, taken once a frame however many are told: a large fleet tells of dozens a second. */
export class Gathered {
  readonly #take: (patch: FleetPatch) => void;
  #waiting: FleetPatch | null = null;
  #cancel: (() => void) | null = null;

  constructor(take: (patch: FleetPatch) => void) {
    this.#take = take;
  }

  add(patch: FleetPatch): void {
    this.#waiting = this.#waiting === null ? patch : joinedPatch(this.#waiting, patch);
    this.#cancel ??= soon(() => this.#flush());
  }

  /** What waits is not taken any more: all of it is known already, or is of another fleet. */
  drop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#waiting = null;
  }

  #flush(): void {
    const patch = this.#waiting;
    this.drop();
    if (patch !== null) this.#take(patch);
  }
}

/** With the next frame, or soon where there is none. */
function soon(run: () => void): () => void {
  const frame = requestAnimationFrame(run);
  const timer = setTimeout(run, UNSEEN_MS);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}
