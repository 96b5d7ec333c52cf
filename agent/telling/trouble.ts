import { CHANNELS, type Channel, type Problem } from '../protocol/index.ts';
import type { Book } from './book.ts';

/** One failed attempt is no trouble yet: the next one follows within seconds. */
const FAILED_ATTEMPTS = 2;
const WAYS: Record<Channel, string> = { mail: 'by mail', hook: 'by webhook' };

/** Why what matters does not reach people; null when the newest on each way did. */
export function troubleOf({ messages }: Book, name: string): Problem | null {
  for (const channel of CHANNELS) {
    const newest = messages.find(({ deliveries }) => (deliveries[channel]?.attempts ?? 0) > 0);
    const delivery = newest?.deliveries[channel];
    if (!newest || !delivery?.problem || delivery.problem.kind === 'telling-off') continue;
    if (delivery.state === 'waiting' && delivery.attempts < FAILED_ATTEMPTS) continue;
    const { message, next } = delivery.problem;
    const what =
      delivery.state === 'delivered'
        ? `${name} told something ${WAYS[channel]}, but not everybody`
        : `${name} cannot tell anybody ${WAYS[channel]}`;
    return { kind: 'telling-undelivered', message: `${what}: "${newest.title}". ${message}`, next };
  }
  return null;
}
