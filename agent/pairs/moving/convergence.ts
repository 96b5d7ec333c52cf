import type { Sending } from '../../hypervisor/migration.ts';

/** Rounds through the guest's memory that are compared with as many before. */
const WINDOW = 5;
/** The later rounds must have left less than this share of what the earlier ones left. */
const PROGRESS = 0.8;
/** Bytes must move within this time, ms. */
const STALLED_MS = 15_000;

/**
 * Whether the sending of a running guest's memory comes to its end: each round sends what the guest wrote during the one
 * before, so over a link that is slower than the guest the rounds do not become smaller.
 */
export class Convergence {
  /** What was left at the beginning of each round. */
  readonly #left: number[] = [];
  #rounds = 0;
  #done = -1;
  #movedAt = 0;

  /** `slow`: the guest writes faster than the link takes; `stalled`: nothing moves any more. */
  look(sending: Sending, now: number): 'on' | 'slow' | 'stalled' {
    if (sending.doneBytes !== this.#done) {
      this.#done = sending.doneBytes;
      this.#movedAt = now;
    }
    if (now - this.#movedAt >= STALLED_MS) return 'stalled';
    if (sending.rounds > this.#rounds) {
      this.#rounds = sending.rounds;
      // The first round is everything there is.
      if (sending.rounds > 1) this.#left.push(sending.leftBytes);
    }
    if (this.#left.length < 2 * WINDOW) return 'on';
    const later = Math.min(...this.#left.slice(-WINDOW));
    const earlier = Math.min(...this.#left.slice(-2 * WINDOW, -WINDOW));
    return later > earlier * PROGRESS ? 'slow' : 'on';
  }
}
