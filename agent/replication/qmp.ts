import net from 'node:net';
import { fail, ok, type Result } from '../protocol/index.ts';
import { readJsonLines, writeJsonLine } from './json-lines.ts';

/** Node graphs of a busy daemon are long; anything longer than this is no QMP. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const DEADLINE_MS = 30_000;

export interface QmpEvent {
  event: string;
  data: unknown;
}

/**
 * One QMP connection (QEMU's docs/interop/qmp-spec) over a unix socket.
 * Problem kinds: `qmp-error` (details.class and details.text as QEMU gave them), `qmp-absent` (nobody listens),
 * `qmp-closed`, `deadline`.
 */
export class QmpClient {
  readonly #socket: net.Socket;
  readonly #waiting = new Map<number, (result: Result<unknown>) => void>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #ended = new Set<() => void>();
  #next = 1;
  #greeted: (() => void) | null = null;
  #open = true;

  static async connect(path: string): Promise<Result<QmpClient>> {
    const socket = net.connect({ path });
    const failure = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      socket.once('connect', () => resolve(null));
      socket.once('error', resolve);
    });
    if (failure) {
      const absent = failure.code === 'ENOENT' || failure.code === 'ECONNREFUSED';
      return fail({ ...closed(path, failure.message), kind: absent ? 'qmp-absent' : 'qmp-closed' });
    }
    const client = new QmpClient(socket);
    await client.#greeting();
    const ready = await client.execute('qmp_capabilities');
    if (ready.ok) return ok(client);
    client.close();
    return ready;
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#end());
    readJsonLines(socket, MAX_LINE_BYTES, (message) => this.#onMessage(message));
  }

  get open(): boolean {
    return this.#open;
  }

  execute(
    command: string,
    args?: Record<string, unknown>,
    deadlineMs = DEADLINE_MS,
  ): Promise<Result<unknown>> {
    if (!this.#open) return Promise.resolve(fail(closed(command, 'not connected')));
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        resolve(fail(late(command, deadlineMs)));
      }, deadlineMs);
      this.#waiting.set(id, (result) => {
        clearTimeout(timer);
        resolve(result);
      });
      writeJsonLine(this.#socket, { execute: command, id, ...(args ? { arguments: args } : {}) });
    });
  }

  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onEnd(listener: () => void): void {
    this.#ended.add(listener);
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #greeting(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, DEADLINE_MS);
      this.#greeted = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #onMessage(message: unknown): void {
    if (typeof message !== 'object' || message === null) return;
    const fields = message as Record<string, unknown>;
    if ('QMP' in fields) this.#greeted?.();
    else if (typeof fields.event === 'string') {
      for (const listener of this.#listeners) listener({ event: fields.event, data: fields.data });
    } else if (typeof fields.id === 'number') {
      const answer = this.#waiting.get(fields.id);
      this.#waiting.delete(fields.id);
      answer?.('error' in fields ? fail(refused(fields.error)) : ok(fields.return));
    }
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#greeted?.();
    for (const answer of this.#waiting.values()) answer(fail(closed('connection', 'closed')));
    this.#waiting.clear();
    for (const listener of this.#ended) listener();
  }
}

function refused(error: unknown) {
  const fields = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const text = String(fields.desc ?? 'no description');
  return {
    kind: 'qmp-error',
    message: `QEMU refused: ${text}.`,
    next: 'Try again; if it happens twice, save the diagnostics and report it.',
    details: { class: String(fields.class ?? ''), text },
  };
}

const closed = (what: string, cause: string) => ({
  kind: 'qmp-closed',
  message: `QEMU's control socket is closed (${what}: ${cause}).`,
  next: 'See that the process runs, then try again.',
});

const late = (command: string, ms: number) => ({
  kind: 'deadline',
  message: `QEMU did not answer ${command} within ${ms / 1000} s.`,
  next: 'See whether the host is overloaded or the disk hangs, then try again.',
});
