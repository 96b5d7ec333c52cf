import net from 'node:net';
import * as v from 'valibot';
import type { Log } from '../../ports.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import {
  ControlMessage,
  type ControlRequest,
  type GroupStatus,
  MAX_LINE_BYTES,
} from '../forwarder/control-protocol.ts';
import { readJsonLines, writeJsonLine } from '../json-lines.ts';
import type { ServiceRunner } from '../services.ts';

/** Opening a stream makes several TLS connections; everything else is local. */
const DEADLINE_MS = 60_000;
const CONNECT_TRIES = 100;
const RETRY_MS = 100;
const TRIES_PER_START = 5;

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type ForwarderOrder = WithoutId<ControlRequest>;

/** What a mirror asks of the forwarder. */
export interface Forwarder {
  /** @returns the streams concerned */
  order(order: ForwarderOrder): Promise<Result<GroupStatus[]>>;
}

export interface ForwarderClientOptions {
  socketPath: string;
  services: ServiceRunner;
  log: Log;
  /** Told at every change of a stream, and all that exist after each connection. */
  onStatus(status: GroupStatus): void;
  /** Told after a connection was made: the streams the forwarder knows. */
  onConnected(groups: GroupStatus[]): void;
}

/** The agent's end of the forwarder's control socket. It is connected while there is a stream to watch. */
export class ForwarderClient implements Forwarder {
  readonly #options: ForwarderClientOptions;
  readonly #waiting = new Map<number, (result: Result<GroupStatus[]>) => void>();
  #socket: net.Socket | null = null;
  #connecting: Promise<Result<net.Socket>> | null = null;
  #next = 1;
  #keep = false;
  #stopped = false;

  constructor(options: ForwarderClientOptions) {
    this.#options = options;
  }

  /** Whether a lost connection is to be made again, starting the service if need be. */
  set keep(keep: boolean) {
    this.#keep = keep;
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  async order(order: ForwarderOrder): Promise<Result<GroupStatus[]>> {
    const socket = await this.#connected();
    if (!socket.ok) return socket;
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answer(id, fail(silent('did not answer in time'))), DEADLINE_MS);
      this.#waiting.set(id, (result) => {
        clearTimeout(timer);
        resolve(result);
      });
      writeJsonLine(socket.value, { ...order, id });
    });
  }

  #connected(): Promise<Result<net.Socket>> {
    if (this.#socket) return Promise.resolve(ok(this.#socket));
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connect(): Promise<Result<net.Socket>> {
    for (let tried = 0; ; tried += 1) {
      if (tried % TRIES_PER_START === 0) {
        // Asked again now and then: a unit that is just dying still counts as running.
        const running = await this.#options.services.ensureRunning('understudy-forwarder.service');
        if (!running.ok) return running;
      }
      const socket = await this.#dial();
      if (socket.ok || this.#stopped || tried === CONNECT_TRIES) return socket;
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }

  async #dial(): Promise<Result<net.Socket>> {
    const socket = net.connect({ path: this.#options.socketPath });
    const failure = await new Promise<Error | null>((resolve) => {
      socket.once('connect', () => resolve(null));
      socket.once('error', resolve);
    });
    if (failure) return fail(silent(failure.message));
    this.#socket = socket;
    socket.on('error', (error) => this.#options.log('debug', `forwarder: ${error.message}`));
    socket.on('close', () => this.#lost(socket));
    readJsonLines(socket, MAX_LINE_BYTES, (message) => this.#onMessage(socket, message));
    return ok(socket);
  }

  #onMessage(socket: net.Socket, value: unknown): void {
    const parsed = v.safeParse(ControlMessage, value);
    if (!parsed.success) {
      socket.destroy(new Error('malformed message'));
      return;
    }
    const message = parsed.output;
    if ('event' in message) this.#options.onStatus(message.status);
    else this.#answer(message.id, message.ok ? ok(message.groups) : fail(message.problem));
  }

  #answer(id: number, result: Result<GroupStatus[]>): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.(result);
  }

  #lost(socket: net.Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    for (const id of [...this.#waiting.keys()]) this.#answer(id, fail(silent('the connection was closed')));
    if (this.#keep && !this.#stopped) void this.#again();
  }

  async #again(): Promise<void> {
    const groups = await this.order({ c: 'status' });
    if (groups.ok) this.#options.onConnected(groups.value);
    else if (this.#keep && !this.#stopped) {
      this.#options.log('warn', groups.problem.message);
      setTimeout(() => void this.#again(), 10 * RETRY_MS);
    }
  }
}

const silent = (cause: string): Problem => ({
  kind: 'forwarder-unreachable',
  message: `The replication forwarder of this host cannot be reached (${cause}).`,
  next: 'Read "systemctl status understudy-forwarder" on the host; deploying the agent again puts it back.',
});
