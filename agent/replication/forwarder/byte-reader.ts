import type { Duplex } from 'node:stream';
import { NbdError } from './nbd-wire.ts';

/** Nobody has a reason to send more ahead of an answer; a flood must not fill the memory. */
const MAX_AHEAD = 128 * 1024;

/** Reads exact numbers of bytes from a stream during negotiation, then gives the stream back. */
export class ByteReader {
  readonly #stream: Duplex;
  readonly #timer: NodeJS.Timeout;
  #chunks: Buffer[] = [];
  #have = 0;
  #wanted: { size: number; resolve: (bytes: Buffer) => void; reject: (error: Error) => void } | null = null;
  #failure: Error | null = null;

  /** @param deadlineMs for everything read through this reader; a peer that stays silent longer has failed. */
  constructor(stream: Duplex, deadlineMs: number) {
    this.#stream = stream;
    this.#timer = setTimeout(() => this.#fail(new NbdError('no answer in time')), deadlineMs);
    stream.on('data', this.#onData);
    stream.on('error', this.#onError);
    stream.on('close', this.#onEnd);
    stream.on('end', this.#onEnd);
    stream.resume();
  }

  read(size: number): Promise<Buffer> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#wanted = { size, resolve, reject };
      this.#serve();
    });
  }

  /** Stops reading and leaves the stream paused; returns what had arrived beyond. */
  detach(): Buffer {
    clearTimeout(this.#timer);
    this.#stream.pause();
    this.#stream.off('data', this.#onData);
    this.#stream.off('error', this.#onError);
    this.#stream.off('close', this.#onEnd);
    this.#stream.off('end', this.#onEnd);
    return Buffer.concat(this.#chunks);
  }

  readonly #onData = (chunk: Buffer) => {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    this.#serve();
    if (this.#have > MAX_AHEAD) this.#fail(new NbdError('too much was sent during negotiation'));
  };
  readonly #onError = (error: Error) => this.#fail(error);
  readonly #onEnd = () => this.#fail(new NbdError('the connection was closed during negotiation'));

  #serve(): void {
    const wanted = this.#wanted;
    if (!wanted || this.#have < wanted.size) return;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = all.length > wanted.size ? [all.subarray(wanted.size)] : [];
    this.#have = all.length - wanted.size;
    this.#wanted = null;
    wanted.resolve(all.subarray(0, wanted.size));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wanted?.reject(this.#failure);
    this.#wanted = null;
  }
}
