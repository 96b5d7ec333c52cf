import type { Duplex } from 'node:stream';
import { Command, encodeRequest, NbdError, REPLY_MAGIC } from '../forwarder/nbd-wire.ts';

const STRUCTURED_MAGIC = 0x668e33ef;
const BLOCK_STATUS = 7;
/** Types of structured chunks; errors have the highest bit set. */
const Chunk = { none: 0, data: 1, hole: 2, status: 5, error: 0x8000 } as const;
const DONE = 1;
const MOST_IN_CHUNK = 64 * 1024 * 1024;
const SHORT_HEAD = 4;
const NOTHING = Buffer.alloc(0);
/** A server that owes an answer and says nothing for two looks is given up. */
const LOOK_MS = 10_000;

interface Waiting {
  offset: number;
  /** What a read fills. */
  into: Buffer;
  extents: { length: number; flags: number }[];
  error: number;
  resolve(): void;
  reject(error: Error): void;
}

/** Requests and replies of one NBD connection in its transmission phase, simple and structured ones. */
export class NbdRequests {
  readonly #stream: Duplex;
  readonly #waiting = new Map<bigint, Waiting>();
  #next = 1n;
  #failure: Error | null = null;
  /** Bytes that have arrived and are not yet understood. */
  #rest = NOTHING;
  /** Payload of a read on its way into its buffer. */
  #filling: { into: Buffer; at: number; end: number; over(): void } | null = null;
  /** Bytes sent, headers included. */
  sentBytes = 0;
  readonly #watch: NodeJS.Timeout;
  #silentLooks = 0;

  /** @param fed whoever made it gives what arrives to `take`, instead of the stream's own events */
  constructor(stream: Duplex, fed = false) {
    this.#stream = stream;
    if (!fed) stream.on('data', (chunk: Buffer) => this.take(chunk));
    stream.on('error', (error: Error) => this.#fail(error));
    stream.on('close', () => this.#fail(new NbdError('the connection was closed')));
    if (!fed) stream.resume();
    this.#watch = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Sends one request. Rejects with NbdError. */
  async ask(type: number, offset: number, length: number, payload: Buffer = NOTHING): Promise<void> {
    await this.#send(type, offset, length, payload, NOTHING);
  }

  /** @param into is filled; what it holds counts once this has resolved */
  async read(offset: number, into: Buffer): Promise<Buffer> {
    await this.#send(Command.read, offset, into.length, NOTHING, into);
    return into;
  }

  async status(offset: number, length: number): Promise<{ length: number; flags: number }[]> {
    return (await this.#send(BLOCK_STATUS, offset, length, NOTHING, NOTHING)).extents;
  }

  /** Understands what arrived; keeps nothing of the buffer. */
  take(chunk: Buffer): void {
    let rest = chunk;
    this.#silentLooks = 0;
    try {
      while (rest.length > 0) rest = this.#filling ? this.#fill(rest) : this.#collect(rest);
    } catch (error) {
      this.#stream.destroy();
      this.#fail(error instanceof Error ? error : new NbdError(String(error)));
    }
  }

  close(): void {
    const request = { flags: 0, type: Command.disconnect, handle: 0n, offset: 0n, length: 0 };
    if (!this.#failure) this.#stream.end(encodeRequest(request));
    this.#failure ??= new NbdError('closed');
    clearInterval(this.#watch);
    this.#stream.on('error', () => undefined);
  }

  #look(): void {
    this.#silentLooks = this.#waiting.size > 0 ? this.#silentLooks + 1 : 0;
    if (this.#silentLooks < 2) return;
    this.#stream.destroy();
    this.#fail(new NbdError('the other side is silent'));
  }

  #send(type: number, offset: number, length: number, payload: Buffer, into: Buffer): Promise<Waiting> {
    return new Promise<Waiting>((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const handle = this.#next++;
      const waiting: Waiting = {
        offset,
        into,
        extents: [],
        error: 0,
        resolve: () => resolve(waiting),
        reject,
      };
      this.#waiting.set(handle, waiting);
      const head = encodeRequest({ flags: 0, type, handle, offset: BigInt(offset), length });
      this.sentBytes += head.length + payload.length;
      if (payload.length > 0) {
        this.#stream.cork();
        this.#stream.write(head);
        this.#stream.write(payload);
        this.#stream.uncork();
      } else this.#stream.write(head);
    });
  }

  #fill(chunk: Buffer): Buffer {
    const filling = this.#filling;
    if (!filling) return chunk;
    const take = Math.min(chunk.length, filling.end - filling.at);
    chunk.copy(filling.into, filling.at, 0, take);
    filling.at += take;
    if (filling.at === filling.end) {
      this.#filling = null;
      filling.over();
    }
    return chunk.subarray(take);
  }

  #collect(chunk: Buffer): Buffer {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const used = this.#understand(all);
    // What is too short to be understood is kept apart: the buffer is filled anew.
    this.#rest = used === 0 ? Buffer.from(all) : NOTHING;
    return used === 0 ? NOTHING : all.subarray(used);
  }

  /** @returns how many bytes of it were a whole head (and small payload); 0 when more must come. */
  #understand(all: Buffer): number {
    if (all.length < SHORT_HEAD) return 0;
    const magic = all.readUInt32BE(0);
    if (magic === REPLY_MAGIC) return this.#simple(all);
    if (magic === STRUCTURED_MAGIC) return this.#structured(all);
    throw new NbdError('a reply without its magic number');
  }

  #simple(all: Buffer): number {
    if (all.length < 16) return 0;
    const error = all.readUInt32BE(4);
    const handle = all.readBigUInt64BE(8);
    const waiting = this.#known(handle);
    waiting.error = error;
    const end = waiting.into.length;
    if (error === 0 && end > 0)
      this.#filling = { into: waiting.into, at: 0, end, over: () => this.#done(handle) };
    else this.#done(handle);
    return 16;
  }

  #structured(all: Buffer): number {
    if (all.length < 20) return 0;
    const flags = all.readUInt16BE(4);
    const type = all.readUInt16BE(6);
    const handle = all.readBigUInt64BE(8);
    const length = all.readUInt32BE(16);
    if (length > MOST_IN_CHUNK) throw new NbdError('a reply is too long');
    const waiting = this.#known(handle);
    const over = (): void => {
      if ((flags & DONE) !== 0) this.#done(handle);
    };
    if (type === Chunk.data) {
      if (all.length < 28) return 0;
      const at = Number(all.readBigUInt64BE(20)) - waiting.offset;
      const end = at + length - 8;
      if (at < 0 || end > waiting.into.length || length <= 8)
        throw new NbdError('data that was not asked for');
      this.#filling = { into: waiting.into, at, end, over };
      return 28;
    }
    if (all.length < 20 + length) return 0;
    const payload = all.subarray(20, 20 + length);
    if (type === Chunk.hole) {
      const at = Number(payload.readBigUInt64BE(0)) - waiting.offset;
      waiting.into.fill(0, at, at + payload.readUInt32BE(8));
    } else if (type === Chunk.status) {
      for (let at = 4; at + 8 <= length; at += 8)
        waiting.extents.push({ length: payload.readUInt32BE(at), flags: payload.readUInt32BE(at + 4) });
    } else if ((type & Chunk.error) !== 0) waiting.error = payload.readUInt32BE(0) || 5;
    else if (type !== Chunk.none) throw new NbdError(`unknown reply ${type}`);
    over();
    return 20 + length;
  }

  #known(handle: bigint): Waiting {
    const waiting = this.#waiting.get(handle);
    if (!waiting) throw new NbdError('an answer to something that was not asked');
    return waiting;
  }

  #done(handle: bigint): void {
    const waiting = this.#known(handle);
    this.#waiting.delete(handle);
    if (waiting.error === 0) waiting.resolve();
    else waiting.reject(new NbdError(`the other side answered error ${waiting.error}`));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    clearInterval(this.#watch);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}
