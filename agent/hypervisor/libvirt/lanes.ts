/**
 * Keeps calls that may wait for a guest's process from blocking all others.
 * libvirtd works on at most five requests of one connection (`max_client_requests` in libvirtd.conf) and
 * on one monitor command of a guest; so such calls go one at a time for each guest, and only a few in all.
 */
export class Lanes {
  readonly #limit: number;
  readonly #busy = new Set<string>();
  readonly #waiting: { key: string; start: () => void }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `start` once the guest's lane is free; returns a function that takes it out of the queue again. */
  enter(key: string, start: () => void): () => void {
    const entry = { key, start };
    this.#waiting.push(entry);
    this.#next();
    return () => {
      const at = this.#waiting.indexOf(entry);
      if (at >= 0) this.#waiting.splice(at, 1);
    };
  }

  leave(key: string): void {
    this.#busy.delete(key);
    this.#next();
  }

  #next(): void {
    while (this.#busy.size < this.#limit) {
      const at = this.#waiting.findIndex((entry) => !this.#busy.has(entry.key));
      const [entry] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (!entry) return;
      this.#busy.add(entry.key);
      entry.start();
    }
  }
}
