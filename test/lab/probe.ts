import { get } from 'node:http';
import { pathToFileURL } from 'node:url';
import type { HttpAnswer } from './probe-client.ts';

/** One GET with a deadline; null when nobody answers in time. Runs where this process runs (see probe-client.ts). */
function ask(url: string, timeoutMs: number): Promise<HttpAnswer | null> {
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

const EVERY_MS = 100;
const PATIENCE_MS = 2000;

/**
 * Asks until somebody answers. A new question every 100 ms, whatever became of those before: a lost SYN would be
 * repeated by the kernel only after 1 s and make the answer look late.
 */
function firstAnswer(url: string, timeoutMs: number): Promise<HttpAnswer | null> {
  return new Promise((resolve) => {
    const tryOnce = (): void => {
      ask(url, Math.min(PATIENCE_MS, timeoutMs)).then((answer) => answer && settle(answer));
    };
    const timer = setInterval(tryOnce, EVERY_MS);
    const end = setTimeout(() => settle(null), timeoutMs);
    const settle = (answer: HttpAnswer | null): void => {
      clearInterval(timer);
      clearTimeout(end);
      resolve(answer);
    };
    tryOnce();
  });
}

/** `node probe.ts URL TIMEOUT_MS`: prints the first answer as JSON, or null. */
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , url = '', timeout = '1000'] = process.argv;
  process.stdout.write(`${JSON.stringify(await firstAnswer(url, Number(timeout)))}\n`, () => process.exit(0));
}
