import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedCall {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Wall clock, ms. */
  at: number;
}

export interface HookSink {
  readonly url: string;
  readonly calls: ReceivedCall[];
  /** How it answers; `silent`: not at all. */
  answer: { status: number; headers?: Record<string, string>; body?: string } | 'silent';
  close(): Promise<void>;
}

/** A web service that keeps what it is told. */
export async function openHookSink(
  options: { host?: string; port?: number; onCall?(call: ReceivedCall): void } = {},
): Promise<HookSink> {
  const host = options.host ?? '127.0.0.1';
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      const call = { path: request.url ?? '', headers: request.headers, body, at: Date.now() };
      sink.calls.push(call);
      options.onCall?.(call);
      const { answer } = sink;
      if (answer === 'silent') return;
      response.writeHead(answer.status, answer.headers ?? {});
      response.end(answer.body ?? '');
    });
  });
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const sink: HookSink = {
    url: `http://${host}:${(server.address() as AddressInfo).port}/hook`,
    calls: [],
    answer: { status: 200, body: 'ok' },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return sink;
}
