import type { Envelope } from '../../agent/lease/messages.ts';
import type { Kernel } from './kernel.ts';
import type { Random } from './random.ts';

/** Messages between nodes: late, lost, doubled, out of order, cut in one direction or both. */
export class Network {
  readonly #kernel: Kernel;
  readonly #random: Random;
  readonly #deliver: (envelope: Envelope) => void;
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

  constructor(kernel: Kernel, random: Random, deliver: (envelope: Envelope) => void) {
    this.#kernel = kernel;
    this.#random = random;
    this.#deliver = deliver;
  }

  /** Counted, so that two overlapping cuts of one link both have to heal. */
  cut(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.#cut.set(link, (this.#cut.get(link) ?? 0) + 1);
  }

  heal(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.#cut.set(link, (this.#cut.get(link) ?? 0) - 1);
  }

  /** Nothing is lost or slow. */
  calm(): boolean {
    return this.loss === 0 && this.slow < 5;
  }

  open(from: string, to: string): boolean {
    return (this.#cut.get(`${from}>${to}`) ?? 0) <= 0;
  }

  send(envelope: Envelope): void {
    if (!this.open(envelope.from, envelope.to) || this.#random.chance(this.loss)) return;
    this.messages += 1;
    this.#later(envelope);
    if (this.#random.chance(this.duplication)) this.#later(envelope);
  }

  #later(envelope: Envelope): void {
    const takeover = envelope.body.kind === 'accept' && envelope.body.record.change === 'takeover';
    const late = takeover ? (this.lateTakeovers.get(envelope.to) ?? 0) : 0;
    const lag = late + (this.lags.get(`${envelope.from}>${envelope.to}`) ?? 0);
    this.#kernel.after(this.#random.between(0.2, this.slow) + lag, () => {
      if (this.open(envelope.from, envelope.to)) this.#deliver(envelope);
    });
  }
}
