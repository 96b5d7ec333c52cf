/** A record the guest said to be durable on both of its disks. */
export interface Acknowledged {
  number: number;
  nonce: string;
  /** When the acknowledgement arrived, Unix milliseconds. */
  at: number;
}

/** A rewrite that was sent; whether it was carried out is unknown until it is acknowledged. */
export interface Tried {
  number: number;
  nonce: string;
}

/**
 * What may be found under each number: the nonce acknowledged last, or that of a rewrite whose answer never came.
 * After such a doubt a number is never written again, so that a command which arrives late cannot undo a later one.
 */
export class RecordTruth {
  readonly #acked = new Map<number, string>();
  readonly #doubt = new Map<number, string>();
  readonly #settled: number[] = [];

  acked({ number, nonce }: Pick<Acknowledged, 'number' | 'nonce'>): void {
    if (!this.#acked.has(number)) this.#settled.push(number);
    this.#acked.set(number, nonce);
    if (this.#doubt.get(number) === nonce) this.#doubt.delete(number);
  }

  tried({ number, nonce }: Tried): void {
    this.#doubt.set(number, nonce);
  }

  accepts(number: number, nonce: string | undefined): boolean {
    return nonce !== undefined && (this.#acked.get(number) === nonce || this.#doubt.get(number) === nonce);
  }

  get numbers(): number[] {
    return [...this.#acked.keys()];
  }

  get size(): number {
    return this.#acked.size;
  }

  /** A number that may be written anew, by a share of 0 to 1 of those known; null when it is in doubt or there is none. */
  rewritable(share: number): number | null {
    const number = this.#settled[Math.floor(share * this.#settled.length)];
    return number === undefined || this.#doubt.has(number) ? null : number;
  }
}
