import net from 'node:net';
import type { Duplex } from 'node:stream';
import { ByteReader } from '../forwarder/byte-reader.ts';
import {
  decodeInfo,
  type ExportInfo,
  encodeGo,
  encodeOption,
  HANDSHAKE_FLAGS,
  NBD_MAGIC,
  NbdError,
  OPTION_MAGIC,
  Option,
  Reply,
} from '../forwarder/nbd-wire.ts';
import { openServer, type RemoteAddress, readOptionReply, type TlsFiles } from '../forwarder/remote.ts';
import { NbdRequests } from './nbd-requests.ts';

/** Options and replies that only a reader of block status needs. */
const STRUCTURED_REPLY = 8;
const SET_META_CONTEXT = 10;
const META_CONTEXT = 4;
const DEADLINE_MS = 10_000;
const FEED_BYTES = 256 * 1024;
/** NBD lengths are 32 bits; less, so that a sum of extents never overflows. */
const MOST_ASKED = 2 ** 30;

/** A piece of a disk and what a context says of it (NBD_CMD_BLOCK_STATUS flags). */
export interface Extent {
  offset: number;
  length: number;
  flags: number;
}

/** `base:allocation`: reads as zeroes. */
export const ZERO = 2;
/** `qemu:dirty-bitmap:NAME`: written since the bitmap began. */
export const DIRTY = 1;
export const ALLOCATION = 'base:allocation';

/** An export that is read, with one context of block status. */
export class NbdSource {
  readonly sizeBytes: number;
  readonly #requests: NbdRequests;

  /** @param context `base:allocation`, or `qemu:dirty-bitmap:NAME`. Throws NbdError. */
  static async open(path: string, exportName: string, context: string): Promise<NbdSource> {
    const feed = new Feed(path);
    try {
      const socket = await feed.connected();
      const reader = feed;
      await greet(socket, reader);
      await structured(socket, reader);
      await selectContext(socket, reader, exportName, context);
      const sizeBytes = await go(socket, reader, exportName);
      return new NbdSource(sizeBytes, feed.handOver());
    } catch (error) {
      feed.destroy();
      throw error;
    }
  }

  /** The same from a storage daemon, over TLS. */
  static async openRemote(
    address: RemoteAddress,
    tls: TlsFiles,
    exportName: string,
    context: string,
  ): Promise<NbdSource> {
    const socket = await openServer(address, tls);
    try {
      const reader = new ByteReader(socket, DEADLINE_MS);
      await structured(socket, reader);
      await selectContext(socket, reader, exportName, context);
      const sizeBytes = await go(socket, reader, exportName);
      reader.detach();
      return new NbdSource(sizeBytes, new NbdRequests(socket));
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  private constructor(sizeBytes: number, requests: NbdRequests) {
    this.sizeBytes = sizeBytes;
    this.#requests = requests;
  }

  /** Fills the buffer from there on. */
  read(offset: number, into: Buffer): Promise<Buffer> {
    return this.#requests.read(offset, into);
  }

  /** Every piece of the disk in order; neighbours of the same flags may come apart. */
  async *extents(): AsyncGenerator<Extent> {
    for (let at = 0; at < this.sizeBytes; ) {
      const pieces = await this.#requests.status(at, Math.min(MOST_ASKED, this.sizeBytes - at));
      if (pieces.length === 0) throw new NbdError('a block status without extents');
      for (const { length, flags } of pieces) {
        if (length === 0) throw new NbdError('an extent without length');
        const within = Math.min(length, this.sizeBytes - at);
        if (within > 0) yield { offset: at, length: within, flags };
        at += within;
      }
    }
  }

  close(): void {
    this.#requests.close();
  }
}

/** A unix socket read through one buffer for good: at gigabytes a second a new one each time keeps the collector busy. */
class Feed {
  readonly #socket: net.Socket;
  readonly #timer: NodeJS.Timeout;
  #requests: NbdRequests | null = null;
  #have = Buffer.alloc(0);
  #wanted: { size: number; resolve(bytes: Buffer): void; reject(error: Error): void } | null = null;
  #failure: Error | null = null;

  constructor(path: string) {
    const onread = {
      buffer: Buffer.alloc(FEED_BYTES),
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
        return true;
      },
    };
    this.#socket = net.connect({ path, onread });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new NbdError('the connection was closed')));
    this.#timer = setTimeout(() => this.#fail(new NbdError('no answer in time')), DEADLINE_MS);
  }

  connected(): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
      this.#wanted = { size: Number.POSITIVE_INFINITY, resolve: () => undefined, reject };
      this.#socket.once('connect', () => resolve(this.#socket));
    });
  }

  read(size: number): Promise<Buffer> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#wanted = { size, resolve, reject };
      this.#serve();
    });
  }

  /** From here on what arrives is replies. */
  handOver(): NbdRequests {
    clearTimeout(this.#timer);
    this.#requests = new NbdRequests(this.#socket, true);
    if (this.#have.length > 0) this.#requests.take(this.#have);
    return this.#requests;
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#requests) this.#requests.take(chunk);
    else {
      this.#have = Buffer.concat([this.#have, chunk]);
      this.#serve();
    }
  }

  #serve(): void {
    const wanted = this.#wanted;
    if (!wanted || this.#have.length < wanted.size) return;
    this.#wanted = null;
    const bytes = this.#have.subarray(0, wanted.size);
    this.#have = this.#have.subarray(wanted.size);
    wanted.resolve(bytes);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wanted?.reject(this.#failure);
    this.#wanted = null;
  }
}

/** Whatever option replies can be read from. */
type Reader = Pick<Feed, 'read'>;

async function greet(socket: net.Socket, reader: Reader): Promise<void> {
  const greeting = await reader.read(18);
  if (greeting.readBigUInt64BE(0) !== NBD_MAGIC || greeting.readBigUInt64BE(8) !== OPTION_MAGIC)
    throw new NbdError('what listens there does not speak NBD');
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE(HANDSHAKE_FLAGS);
  socket.write(flags);
}

async function structured(socket: Duplex, reader: Reader): Promise<void> {
  socket.write(encodeOption(STRUCTURED_REPLY));
  const reply = await readOptionReply(reader, STRUCTURED_REPLY);
  if (reply.type !== Reply.ack) throw new NbdError('structured replies were refused');
}

async function selectContext(
  socket: Duplex,
  reader: Reader,
  exportName: string,
  context: string,
): Promise<void> {
  socket.write(encodeOption(SET_META_CONTEXT, encodeContexts(exportName, context)));
  let given = false;
  for (;;) {
    const reply = await readOptionReply(reader, SET_META_CONTEXT);
    if (reply.type === META_CONTEXT) given = true;
    else if (reply.type === Reply.ack) break;
    else throw new NbdError(`the context ${context} was refused`);
  }
  if (!given) throw new NbdError(`the export has no context ${context}`);
}

function encodeContexts(exportName: string, context: string): Buffer {
  const number = (value: number): Buffer => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(value);
    return buffer;
  };
  const [name, query] = [Buffer.from(exportName), Buffer.from(context)];
  return Buffer.concat([number(name.length), name, number(1), number(query.length), query]);
}

async function go(socket: Duplex, reader: Reader, exportName: string): Promise<number> {
  socket.write(encodeOption(Option.go, encodeGo(exportName, [])));
  const known: Partial<ExportInfo> = {};
  for (;;) {
    const reply = await readOptionReply(reader, Option.go);
    if (reply.type === Reply.info) decodeInfo(reply.data, known);
    else if (reply.type === Reply.ack) break;
    else throw new NbdError(`the export ${exportName} was refused`);
  }
  if (known.sizeBytes === undefined) throw new NbdError('the export did not tell its size');
  return known.sizeBytes;
}
