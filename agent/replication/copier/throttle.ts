/** The longest a waiting piece sleeps before it looks whether it may go faster now, ms. */
const SLICE_MS = 100;
/** What may go at once after a pause, s of the rate. */
const BURST_S = 0.25;

/** Lets so many bytes pass in a second, by a bucket that fills as time passes; the rate may change at any time. */
export class Throttle {
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  /** Bytes a second; null: all. */
  #rate: number | null = null;
  #budget = 0;
  #filledAt = 0;

  constructor(
    now: () => number = () => performance.now(),
    sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms)),
  ) {
    this.#now = now;
    this.#sleep = sleep;
  }

  set(bytesPerS: number | null): void {
    this.#fill();
    this.#rate = bytesPerS;
  }

  /** Resolves when they may go. A piece larger than what is there passes, and those after it wait the longer. */
  async take(bytes: number): Promise<void> {
    for (;;) {
      this.#fill();
      const rate = this.#rate;
      if (rate === null) return;
      if (this.#budget >= 0) break;
      await this.#sleep(Math.min(SLICE_MS, Math.ceil((-this.#budget / rate) * 1_000)));
    }
    this.#budget -= bytes;
  }

  #fill(): void {
    const now = this.#now();
    const rate = this.#rate ?? 0;
    const filled = this.#budget + ((now - this.#filledAt) / 1_000) * rate;
    this.#budget = this.#rate === null ? 0 : Math.min(filled, rate * BURST_S);
    this.#filledAt = now;
  }
}

/** Of this process: all its jobs share it. */
export const throttle = new Throttle();
