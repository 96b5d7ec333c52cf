import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import type { Core } from '../core/index.ts';
import { attach, MAX_PAGE_MESSAGE } from './attach.ts';
import { doorOf } from './place.ts';

export interface Door {
  close(): Promise<void>;
}

/**
 * Listens for programs of the same person. Called once this process has the folder's database: what lies at the door's
 * place is then left over from a console that was killed. Null, and a line in the log, when it cannot be opened: the console works without.
 */
export async function openDoor(
  core: Pick<Core, 'connect'>,
  dataDir: string,
  log: (text: string) => void,
): Promise<Door | null> {
  const place = doorOf(dataDir, process.platform);
  if (place === null) {
    log('The path of the data folder is too long for a socket: commands cannot reach this console.');
    return null;
  }
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAGE_MESSAGE,
    perMessageDeflate: false,
  });
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (page) => attach(core, page)),
  );
  const onUnix = process.platform !== 'win32';
  if (onUnix) rmSync(place, { force: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(place, resolve);
    });
    if (onUnix) chmodSync(place, 0o600);
  } catch (error) {
    log(`Commands cannot reach this console: ${String(error)}`);
    server.close();
    return null;
  }
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const page of sockets.clients) page.terminate();
      server.closeAllConnections();
      await closed;
    },
  };
}
