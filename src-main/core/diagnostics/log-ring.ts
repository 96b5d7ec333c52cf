/** The last lines of the console's log, for diagnostics. */
export class LogRing {
  readonly #lines: string[] = [];
  readonly #most: number;
  readonly #now: () => number;

  constructor(most: number, now: () => number) {
    this.#most = most;
    this.#now = now;
  }

  add(text: string): void {
    this.#lines.push(`${new Date(this.#now()).toISOString()} ${text}`);
    if (this.#lines.length > this.#most) this.#lines.shift();
  }

  text(): string {
    return this.#lines.join('\n');
  }
}
