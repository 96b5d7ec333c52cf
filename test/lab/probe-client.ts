import { join } from 'node:path';
import { inNamespace } from './network.ts';
import type { Places } from './places.ts';
import { must } from './run.ts';

export interface HttpAnswer {
  /** When the answer was complete, Unix milliseconds. */
  at: number;
  status: number;
  body: string;
}

/** First HTTP answer seen from the lab's client side (10.77.0.1); null when there is none within the time. */
export async function firstHttpAnswer(
  places: Places,
  url: string,
  timeoutMs: number,
): Promise<HttpAnswer | null> {
  const argv = [process.execPath, join(import.meta.dirname, 'probe.ts'), url, String(timeoutMs)];
  return JSON.parse(await must(inNamespace(places, argv))) as HttpAnswer | null;
}
