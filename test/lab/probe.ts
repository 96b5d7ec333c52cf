import { get } from 'node:http';
import { pathToFileURL } from 'node:url';
import type { HttpAnswer } from './probe-client.ts';

/** One GET with a deadline; null when nobody answers in time. Runs where this process runs (see probe-client.ts). */
export function ask(url: string, timeoutMs: number): Promise<HttpAnswer | null> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve(null));
      response.on('end', () => {
        resolve({
          at: Date.now(),
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    request.on('error', () => resolve(null));
  });
}

/** Asks until somebody answers. Each try waits at most 1 s, because a first SYN is often lost while ARP settles. */
async function firstAnswer(url: string, timeoutMs: number): Promise<HttpAnswer | null> {
  const end = Date.now() + timeoutMs;
  do {
    const started = Date.now();
    const answer = await ask(url, Math.max(50, Math.min(1000, end - started)));
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 50 - (Date.now() - started))));
  } while (Date.now() < end);
  return null;
}

/** `node probe.ts URL TIMEOUT_MS`: prints the first answer as JSON, or null. */
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , url = '', timeout = '1000'] = process.argv;
  console.log(JSON.stringify(await firstAnswer(url, Number(timeout))));
}
