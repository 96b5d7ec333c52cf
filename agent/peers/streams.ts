import type { TLSSocket } from 'node:tls';
import type { Log } from '../ports.ts';

/** ALPN (RFC 7301) of a connection that carries bytes of one kind, not the agents' calls. */
export const STREAM_PROTOCOL = 'understudy-stream/1';

/** The line that says what the bytes are. */
const LINE_BYTES = 256;
const LINE_MS = 5_000;
/** Streams one member may have open here; more is a mistake. */
const MAX_PER_MEMBER = 16;

export type StreamListener = (from: string, topic: string, stream: TLSSocket) => void;

/** Says what the stream is about; its bytes follow. */
export const introduce = (stream: TLSSocket, topic: string): void => void stream.write(`${topic}\n`);

/** Streams that other members open to this one: each begins with a line, its topic. */
export class IncomingStreams {
  readonly #log: Log;
  readonly #open = new Map<string, number>();
  #listener: StreamListener | null = null;

  constructor(log: Log) {
    this.#log = log;
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
  }

  accept(from: string, stream: TLSSocket): void {
    const open = (this.#open.get(from) ?? 0) + 1;
    if (this.#listener === null || open > MAX_PER_MEMBER) {
      this.#log('warn', `turned a stream of ${from} away`);
      stream.destroy();
      return;
    }
    this.#open.set(from, open);
    stream.once('close', () => this.#open.set(from, (this.#open.get(from) ?? 1) - 1));
    this.#readTopic(stream, (topic) => this.#listener?.(from, topic, stream));
  }

  #readTopic(stream: TLSSocket, done: (topic: string) => void): void {
    let held = Buffer.alloc(0);
    const timer = setTimeout(() => stream.destroy(), LINE_MS);
    stream.once('close', () => clearTimeout(timer));
    const read = (): void => {
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
        held = Buffer.concat([held, chunk]);
        const end = held.indexOf(10);
        if (end < 0 && held.length <= LINE_BYTES) continue;
        stream.off('readable', read);
        clearTimeout(timer);
        if (end < 0 || end > LINE_BYTES) return void stream.destroy();
        if (end + 1 < held.length) stream.unshift(held.subarray(end + 1));
        done(held.toString('utf8', 0, end));
        return;
      }
    };
    stream.on('readable', read);
    read();
  }
}
