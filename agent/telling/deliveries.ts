import type { Clock } from '../ports.ts';
import {
  CHANNELS,
  type Channel,
  type Delivery,
  fail,
  ok,
  type Problem,
  problemOf,
  type Result,
  type TellingSecrets,
  type TellingSettings,
} from '../protocol/index.ts';
import type { Message } from './book.ts';
import type { Letter, Sent, Transports } from './transports.ts';

/** Pauses between attempts, ms; the last one again and again. */
const PAUSES_MS = [10_000, 30_000, 60_000, 5 * 60_000, 15 * 60_000];
/** News that old helps nobody; the console still shows it. */
const GIVE_UP_MS = 24 * 3_600_000;

export interface DeliveriesOptions {
  clock: Clock;
  transports: Transports;
  settings(): TellingSettings;
  secrets(): TellingSecrets;
  self(): { hostId: string; name: string };
  messages(): readonly Message[];
  /** Asks other members to bring it out; null: none of them could. */
  relay(letter: Letter, channel: Channel): Promise<{ sent: Sent; via: string } | null>;
  /** Writes down what came of an attempt; resolves when it is durable. */
  came(id: string, channel: Channel, delivery: Delivery): Promise<void>;
}

/**
 * Brings messages out, oldest first, one at a time on each way. What came of an attempt is written down after it: a
 * process that dies between the two repeats that one message, under the same id.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #busy = new Set<Channel>();
  /** By message and way: when it may be tried again, by the clock since boot. After a start everything may. */
  readonly #due = new Map<string, number>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Begins what is due; resolves when nothing of that is on its way any more. */
  async look(): Promise<void> {
    await Promise.all(CHANNELS.map((channel) => this.#lookAt(channel)));
  }

  async #lookAt(channel: Channel): Promise<void> {
    if (this.#busy.has(channel)) return;
    const { clock, messages } = this.#options;
    const next = messages().findLast(
      ({ id, deliveries }) =>
        deliveries[channel]?.state === 'waiting' &&
        (this.#due.get(`${id} ${channel}`) ?? 0) <= clock.bootMs(),
    );
    const before = next?.deliveries[channel];
    if (!next || !before) return;
    this.#busy.add(channel);
    try {
      const came = await this.#attempt(next, channel, before);
      const pause = PAUSES_MS[Math.min(came.attempts, PAUSES_MS.length) - 1] ?? 0;
      if (came.state === 'waiting') this.#due.set(`${next.id} ${channel}`, clock.bootMs() + pause);
      else this.#due.delete(`${next.id} ${channel}`);
      await this.#options.came(next.id, channel, came);
    } finally {
      this.#busy.delete(channel);
    }
  }

  /** The first failure may be chance; from the second one on the others are asked too. */
  async #attempt(message: Message, channel: Channel, before: Delivery): Promise<Delivery> {
    const { clock, self, relay } = this.#options;
    const letter = letterOf(message, self());
    const sent = await this.#send(letter, channel);
    const other = sent.ok || before.attempts === 0 ? null : await relay(letter, channel);
    const came = outcome(before, other ? ok(other.sent) : sent, message.at, clock.now());
    return other ? { ...came, via: other.via } : came;
  }

  async #send(letter: Letter, channel: Channel): Promise<Result<Sent>> {
    try {
      return await send(this.#options, letter, channel);
    } catch (error) {
      return fail(problemOf(error));
    }
  }
}

type Sender = Pick<DeliveriesOptions, 'transports' | 'settings' | 'secrets'>;

/** One attempt on one way, by the settings as they are now. */
export async function send(options: Sender, letter: Letter, channel: Channel): Promise<Result<Sent>> {
  const { mail, hook } = options.settings();
  const secrets = options.secrets();
  if (channel === 'mail' && mail) return options.transports.mail(letter, mail, secrets.password);
  if (channel === 'hook' && hook) return options.transports.hook(letter, hook, secrets);
  return fail(SWITCHED_OFF);
}

const SWITCHED_OFF: Problem = {
  kind: 'telling-off',
  message: 'This way of telling is switched off.',
  next: 'Switch it on in the settings.',
};

function outcome(before: Delivery, sent: Result<Sent>, writtenAt: number, now: number): Delivery {
  const attempts = before.attempts + 1;
  if (sent.ok) return { state: 'delivered', attempts, at: now, problem: sent.value.problem };
  const hopeless = sent.problem.kind === SWITCHED_OFF.kind || now - writtenAt >= GIVE_UP_MS;
  return { state: hopeless ? 'given-up' : 'waiting', attempts, at: now, problem: sent.problem };
}

function letterOf(message: Message, self: Letter['self']): Letter {
  const { id, at, severity, title, text, items, more } = message;
  return {
    id,
    at,
    subject: `[Understudy] ${title}`,
    text,
    urgent: severity === 'urgent',
    details: { severity, items, more },
    self,
  };
}
