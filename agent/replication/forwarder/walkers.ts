import {
  answerBytes,
  decodeReply,
  decodeRequest,
  NbdError,
  payloadBytes,
  REPLY_BYTES,
  REQUEST_BYTES,
  type Request,
} from './nbd-wire.ts';

/** Collects a fixed-size header that may arrive in pieces, without copying when it does not. */
class HeaderBuffer {
  readonly #bytes: Buffer;
  #have = 0;

  constructor(size: number) {
    this.#bytes = Buffer.alloc(size);
  }

  get partial(): boolean {
    return this.#have > 0;
  }

  /** Takes what is missing from `chunk` at `at`; `used` bytes were consumed, `header` is set when complete. */
  take(chunk: Buffer, at: number): { used: number; header: Buffer | null } {
    const size = this.#bytes.length;
    if (this.#have === 0 && chunk.length - at >= size) {
      return { used: size, header: chunk.subarray(at, at + size) };
    }
    const used = Math.min(size - this.#have, chunk.length - at);
    chunk.copy(this.#bytes, this.#have, at, at + used);
    this.#have += used;
    if (this.#have < size) return { used, header: null };
    this.#have = 0;
    return { used, header: Buffer.from(this.#bytes) };
  }
}

/** Follows QEMU's request stream: finds the headers, steps over the payloads, copies nothing. */
export class RequestWalker {
  readonly #header = new HeaderBuffer(REQUEST_BYTES);
  #current: Request | null = null;
  #left = 0;

  /** The request whose payload is still arriving. */
  get current(): Request | null {
    return this.#current;
  }

  /**
   * @param onRequest at each complete header
   * @param onComplete when the request's payload, if any, has arrived too
   * @throws NbdError when the stream is not NBD
   */
  walk(chunk: Buffer, onRequest: (request: Request) => void, onComplete: (request: Request) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#current !== null) {
        const step = Math.min(this.#left, chunk.length - at);
        at += step;
        this.#left -= step;
        if (this.#left === 0) {
          const done = this.#current;
          this.#current = null;
          onComplete(done);
        }
        continue;
      }
      const { used, header } = this.#header.take(chunk, at);
      at += used;
      if (header === null) return;
      const request = decodeRequest(header);
      onRequest(request);
      this.#left = payloadBytes(request);
      if (this.#left > 0) this.#current = request;
      else onComplete(request);
    }
  }
}

/** The first reply that reported a failure; nothing after it may reach QEMU. */
export interface FailedReply {
  error: number;
  request: Request;
}

/**
 * Follows the standby's reply stream and lets through only what may be told to QEMU: complete headers of
 * successful replies and their data. A header is held back until its error field is known.
 */
export class ReplyWalker {
  readonly #header = new HeaderBuffer(REPLY_BYTES);
  #left = 0;
  #current: bigint | null = null;

  /** True while QEMU has the header of a reply but not all of its data. */
  get midway(): boolean {
    return this.#current !== null;
  }

  /**
   * Removes answered requests from `outstanding` and hands what may pass to `forward`.
   * @returns the first failed reply, after which the stream must not be walked further; null when none
   * @throws NbdError when the stream is not NBD or answers what was not asked
   */
  walk(
    chunk: Buffer,
    outstanding: Map<bigint, Request>,
    forward: (bytes: Buffer) => void,
  ): FailedReply | null {
    let at = 0;
    let from = 0;
    const flush = (to: number) => {
      if (to > from) forward(chunk.subarray(from, to));
    };
    while (at < chunk.length) {
      if (this.#current !== null) {
        at += this.#data(chunk.length - at, outstanding);
        continue;
      }
      const whole = !this.#header.partial;
      const headerAt = at;
      const { used, header } = this.#header.take(chunk, at);
      at += used;
      if (header === null) {
        flush(headerAt);
        return null;
      }
      const failed = this.#reply(header, outstanding);
      if (failed) {
        flush(headerAt);
        return failed;
      }
      if (!whole) {
        // The header came in pieces: its first ones were held back.
        forward(header);
        from = at;
      }
    }
    flush(at);
    return null;
  }

  #data(available: number, outstanding: Map<bigint, Request>): number {
    const step = Math.min(this.#left, available);
    this.#left -= step;
    if (this.#left === 0 && this.#current !== null) {
      outstanding.delete(this.#current);
      this.#current = null;
    }
    return step;
  }

  #reply(header: Buffer, outstanding: Map<bigint, Request>): FailedReply | null {
    const { error, handle } = decodeReply(header);
    const request = outstanding.get(handle);
    if (!request) throw new NbdError('reply to a request that was not made');
    if (error !== 0) return { error, request };
    this.#left = answerBytes(request);
    if (this.#left > 0) this.#current = handle;
    else outstanding.delete(handle);
    return null;
  }
}
