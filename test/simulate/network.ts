import type { Envelope } from '../../agent/lease/messages.ts';
import type { Kernel } from './kernel.ts';
import type { Random } from './random.ts';

/** Messages between nodes: late, lost, doubled, out of order, cut in one direction or both. */
export class Network {
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #cut = new Map<string, number>();
  loss = 0;
  duplication = 0;
  /** Longest delay, ms; shortest is 0.2. Above the gap between two messages it reorders them. */
  slow = 2;
  messages = 0;
  /** Takeover swaps on their way to this node are late by so much, ms. */
  readonly lateTakeovers = new Map<string, number>();
  /** Extra delay of single links, ms. */
  readonly lags = new Map<string, number>();

  readonly #healedAt = new Map<string, number>();
  #troubledAt = 0;

  constructor(kernel: Kernel, random: Random) {
    this.#kernel = kernel;
    this.#random = random;
  }

  /** Counted, so that two overlapping cuts of one link both have to heal. */
  cut(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.#cut.set(link, (this.#cut.get(link) ?? 0) + 1);
  }

  heal(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.#cut.set(link, (this.#cut.get(link) ?? 0) - 1);
    this.#healedAt.set(link, this.#kernel.now);
  }

  /** Nothing has been lost or slow for `ms`. */
  calm(ms: number): boolean {
    if (this.loss > 0 || this.slow >= 5 || this.lags.size > 0) this.#troubledAt = this.#kernel.now;
    return this.#kernel.now - this.#troubledAt >= ms;
  }

  /** Open now, and for `ms` already. */
  openFor(from: string, to: string, ms: number): boolean {
    const healed = this.#healedAt.get(`${from}>${to}`) ?? Number.NEGATIVE_INFINITY;
    return this.open(from, to) && this.#kernel.now - healed >= ms;
  }

  /** The end of loss or delay. */
  calmed(): void {
    this.#troubledAt = this.#kernel.now;
  }

  open(from: string, to: string): boolean {
    return (this.#cut.get(`${from}>${to}`) ?? 0) <= 0;
  }

  send(envelope: Envelope, deliver: (envelope: Envelope) => void): void {
    if (!this.open(envelope.from, envelope.to) || this.#random.chance(this.loss)) return;
    this.messages += 1;
    this.#later(envelope, deliver);
    if (this.#random.chance(this.duplication)) this.#later(envelope, deliver);
  }

  #later(envelope: Envelope, deliver: (envelope: Envelope) => void): void {
    const takeover = envelope.body.kind === 'accept' && envelope.body.record.change === 'takeover';
    const late = takeover ? (this.lateTakeovers.get(envelope.to) ?? 0) : 0;
    const lag = late + (this.lags.get(`${envelope.from}>${envelope.to}`) ?? 0);
    this.#kernel.after(this.#random.between(0.2, this.slow) + lag, () => {
      // What was held up for long is beyond the cut already.
      if (late > 0 || this.open(envelope.from, envelope.to)) deliver(envelope);
    });
  }
}
