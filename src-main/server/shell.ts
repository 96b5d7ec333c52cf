import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { pageHeaders } from '../contract/page-headers.ts';
import type { Core } from '../core/index.ts';
import { attach, MAX_PAGE_MESSAGE } from '../local/attach.ts';
import { Gate } from './gate.ts';
import { serveFile } from './static.ts';

export interface Shell {
  /** With the one-time token. */
  url: string;
  close(): Promise<void>;
}

/** The console for a browser on this machine: the page's files, and its messages over a WebSocket. */
export async function openShell(options: {
  core: Pick<Core, 'connect'>;
  rendererDir: string;
  port: number;
}): Promise<Shell> {
  const gate = new Gate();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAGE_MESSAGE,
    perMessageDeflate: false,
  });
  const server = createServer(
    (request, response) => void answer(gate, options.rendererDir, request, response),
  );
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/ws' || !gate.admitSocket(request)) return refuseUpgrade(socket);
    sockets.handleUpgrade(request, socket, head, (page) => attach(options.core, page));
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/?token=${gate.token}`,
    async close() {
      for (const page of sockets.clients) page.close(1001, 'the console is closing');
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      for (const page of sockets.clients) page.terminate();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
}

async function answer(
  gate: Gate,
  rendererDir: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(pageHeaders([`ws://${request.headers.host ?? ''}`]))) {
    response.setHeader(name, value);
  }
  const admission = gate.admit(request);
  if (admission === 'foreign') return say(response, 421, 'This console answers to 127.0.0.1 only.');
  if (admission === 'refused') return say(response, 403, REFUSED);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return say(response, 405, 'Only GET is answered.');
  if (admission === 'enter') {
    response.writeHead(303, { 'Set-Cookie': gate.cookie(request), Location: '/' }).end();
    return;
  }
  const { pathname } = new URL(request.url ?? '/', 'http://loopback');
  await serveFile(rendererDir, pathname, response);
}

const REFUSED =
  'Open the address that was printed when the console started. It works once, in one browser; ' +
  'to use another browser, start the console again.';

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function refuseUpgrade(socket: Duplex): void {
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
}
