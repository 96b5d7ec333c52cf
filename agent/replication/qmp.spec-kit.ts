import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJsonLines, writeJsonLine } from './json-lines.ts';

export interface QmpCall {
  execute: string;
  arguments: Record<string, unknown>;
}

/** What a monitor answers: a value, or why not. */
export type QmpAnswer = { return: unknown } | { error: { class: string; desc: string } } | 'silence';

/** A QMP monitor on a unix socket of its own; it hears one connection at a time, as QEMU's: the next waits ungreeted. */
export class FakeQmp {
  readonly directory = mkdtempSync(join(tmpdir(), 'understudy-qmp-'));
  readonly path = join(this.directory, 'qmp.sock');
  readonly calls: QmpCall[] = [];
  readonly #answer: (call: QmpCall) => QmpAnswer;
  readonly #sockets = new Set<net.Socket>();
  readonly #waiting: net.Socket[] = [];
  #server: net.Server | null = null;

  constructor(answer: (call: QmpCall) => QmpAnswer) {
    this.#answer = answer;
  }

  async listen(): Promise<void> {
    const server = net.createServer((socket) => {
      this.#waiting.push(socket);
      this.#next();
    });
    this.#server = server;
    await new Promise<void>((done) => server.listen(this.path, done));
  }

  event(event: string, data: unknown): void {
    for (const socket of this.#sockets) writeJsonLine(socket, { event, data, timestamp: {} });
  }

  raw(text: string): void {
    for (const socket of this.#sockets) socket.write(text);
  }

  names(): string[] {
    return this.calls.map((call) => call.execute);
  }

  /** The daemon's death. */
  async die(): Promise<void> {
    for (const socket of [...this.#waiting.splice(0), ...this.#sockets]) socket.destroy();
    const server = this.#server;
    this.#server = null;
    if (server) await new Promise((done) => server.close(done));
  }

  async close(): Promise<void> {
    await this.die();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #next(): void {
    const next = this.#sockets.size === 0 ? this.#waiting.shift() : undefined;
    if (next) this.#serve(next);
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#next();
    });
    socket.on('error', () => socket.destroy());
    writeJsonLine(socket, { QMP: { version: {}, capabilities: [] } });
    readJsonLines(socket, 2 ** 20, (value) => {
      const {
        execute,
        id,
        arguments: args,
      } = value as { execute: string; id: number; arguments?: QmpCall['arguments'] };
      if (execute === 'qmp_capabilities') return writeJsonLine(socket, { return: {}, id });
      const call = { execute, arguments: args ?? {} };
      this.calls.push(call);
      const answer = this.#answer(call);
      if (answer !== 'silence') writeJsonLine(socket, { ...answer, id });
    });
  }
}
