/**
 * One entry of the pair's timeline: what was decided or seen, for programs (`event`, stable) and for a person (`text`, a
 * sentence part in which hosts are named by their ids), and what it rests on. No action goes without one (I6).
 */
export type Audit = (event: string, text: string, evidence?: Record<string, string>) => void;

/** 2.7 s; 350 ms. */
export const seconds = (ms: number): string =>
  Math.abs(ms) < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** Tells a state only when it changes. */
export class Changes {
  readonly #audit: Audit;
  readonly #told = new Map<string, string>();

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  tell(event: string, state: string, text: string, evidence?: Record<string, string>): void {
    if (this.#told.get(event) === state) return;
    this.#told.set(event, state);
    this.#audit(event, text, evidence);
  }

  /** The next one is news again. */
  over(event: string): boolean {
    return this.#told.delete(event);
  }
}
