import type { WebSocket } from 'ws';
import type { ToPage } from '../contract/index.ts';
import type { Core } from '../core/index.ts';

/** Largest message a page may send, bytes: an order is a few hundred. */
export const MAX_PAGE_MESSAGE = 256 * 1024;
/** A page that does not read is let go before its messages fill the memory. */
const MAX_UNREAD = 32 * 1024 * 1024;

/** A WebSocket becomes a page of the core. */
export function attach(core: Pick<Core, 'connect'>, socket: WebSocket): void {
  const page = core.connect((message: ToPage) => {
    if (socket.bufferedAmount > MAX_UNREAD) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  });
  socket.on('message', (data, binary) => page.receive(binary ? undefined : parse(String(data))));
  socket.on('close', () => page.close());
  // An oversized or broken frame; ws closes the connection itself.
  socket.on('error', () => undefined);
}

/** Undefined for what is no JSON: the core answers that it cannot read it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
