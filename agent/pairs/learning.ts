/**
 * What newly learnt records mean for this host (a quarantine, say) is written down in steps, beside whatever else goes on.
 * Who decides about the copy here waits for that: between two of the steps it looks like one that was never superseded.
 */
export class Learning {
  readonly #under = new Map<string, Promise<unknown>>();

  /** Such work of a pair has begun. Its failure is somebody else's to report. */
  begins(pairId: string, work: Promise<unknown>): void {
    const all = Promise.allSettled([this.#under.get(pairId), work]).then(() => {
      if (this.#under.get(pairId) === all) this.#under.delete(pairId);
    });
    this.#under.set(pairId, all);
  }

  /** Resolves when everything that was learnt of the pair until now is on disk. */
  async done(pairId: string): Promise<void> {
    await this.#under.get(pairId);
  }
}
