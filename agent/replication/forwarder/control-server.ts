import { chmod, mkdir, rm } from 'node:fs/promises';
import net from 'node:net';
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { Log } from '../../ports.ts';
import { fail, problemOf, type Result } from '../../protocol/index.ts';
import { readJsonLines, writeJsonLine } from '../json-lines.ts';
import { type ControlMessage, ControlRequest, type GroupStatus, MAX_LINE_BYTES } from './control-protocol.ts';

export interface ControlServer {
  tell(status: GroupStatus): void;
  close(): Promise<void>;
}

/** The forwarder's control socket, for root on this host only: one line of JSON per request, answer and event. */
export async function serveControl(
  path: string,
  handle: (request: ControlRequest) => Promise<Result<GroupStatus[]>>,
  log: Log,
): Promise<ControlServer> {
  const clients = new Set<net.Socket>();
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  const server = net.createServer((socket) => {
    clients.add(socket);
    socket.on('error', (error) => log('debug', `control client: ${error.message}`));
    socket.on('close', () => clients.delete(socket));
    readJsonLines(socket, MAX_LINE_BYTES, (value) => void serve(socket, value, handle));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return {
    tell(status) {
      for (const socket of clients)
        writeJsonLine(socket, { event: 'group', status } satisfies ControlMessage);
    },
    async close() {
      for (const socket of clients) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

async function serve(
  socket: net.Socket,
  value: unknown,
  handle: (request: ControlRequest) => Promise<Result<GroupStatus[]>>,
): Promise<void> {
  const request = v.safeParse(ControlRequest, value);
  if (!request.success) {
    socket.destroy(new Error('malformed request'));
    return;
  }
  const { id } = request.output;
  const result = await handle(request.output).catch((error) => fail(problemOf(error)));
  const message: ControlMessage = result.ok
    ? { id, ok: true, groups: result.value }
    : { id, ok: false, problem: result.problem };
  writeJsonLine(socket, message);
}
