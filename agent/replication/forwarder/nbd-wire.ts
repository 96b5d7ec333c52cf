/**
 * The parts of the NBD protocol the forwarder speaks: fixed newstyle negotiation and simple replies.
 * Source: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md. All numbers are big-endian.
 */

export const NBD_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const REPLY_MAGIC = 0x67446698;

/** Handshake flags, the same bits on both sides: fixed newstyle, no zeroes. */
export const HANDSHAKE_FLAGS = 0b11;

export const Option = { exportName: 1, abort: 2, list: 3, startTls: 5, info: 6, go: 7 } as const;
export const Reply = {
  ack: 1,
  info: 3,
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  unknown: 0x80000006,
} as const;
export const Info = { export: 0, blockSize: 3 } as const;
export const Command = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
} as const;
/** Command flag: the data is on stable storage before the reply. */
export const FUA = 1;

/** Errors as they travel (the protocol names these numbers; they equal Linux errno). */
export const EIO = 5;
export const ENOSPC = 28;

export const REQUEST_BYTES = 28;
export const REPLY_BYTES = 16;
/** QEMU never sends or asks more in one request (NBD_MAX_BUFFER_SIZE). */
export const MAX_PAYLOAD = 32 * 1024 * 1024;
/** Enough for every option and reply this side understands; longer ones are malformed. */
export const MAX_OPTION_BYTES = 16 * 1024;

/**
 * Transmission flags passed on to QEMU: has-flags, flush, FUA, rotational, trim, write-zeroes.
 * Left out on purpose: read-only, DF (structured replies), multi-connection (one connection a disk),
 * resize, and fast-zero, whose ENOTSUP is an answer and not a failure.
 */
export const PASSED_FLAGS = 0b0111_1101;
export const FLAG_READ_ONLY = 0b10;
/** Has-flags, flush, FUA, trim, write-zeroes: what QEMU's storage daemon always offers. */
export const LEAST_FLAGS = 0b0110_1101;

export interface ExportInfo {
  sizeBytes: number;
  flags: number;
  blockSize: { minimum: number; preferred: number; maximum: number };
}

export const DEFAULT_BLOCK_SIZE = { minimum: 1, preferred: 4096, maximum: MAX_PAYLOAD };

/** What a peer sent cannot be NBD as agreed; its connection must be dropped. */
export class NbdError extends Error {}

export interface Request {
  flags: number;
  type: number;
  handle: bigint;
  offset: bigint;
  length: number;
}

export function encodeRequest(request: Request): Buffer {
  const buffer = Buffer.allocUnsafe(REQUEST_BYTES);
  buffer.writeUInt32BE(REQUEST_MAGIC, 0);
  buffer.writeUInt16BE(request.flags, 4);
  buffer.writeUInt16BE(request.type, 6);
  buffer.writeBigUInt64BE(request.handle, 8);
  buffer.writeBigUInt64BE(request.offset, 16);
  buffer.writeUInt32BE(request.length, 24);
  return buffer;
}

export function decodeRequest(buffer: Buffer): Request {
  if (buffer.readUInt32BE(0) !== REQUEST_MAGIC) throw new NbdError('request without its magic number');
  const request: Request = {
    flags: buffer.readUInt16BE(4),
    type: buffer.readUInt16BE(6),
    handle: buffer.readBigUInt64BE(8),
    offset: buffer.readBigUInt64BE(16),
    length: buffer.readUInt32BE(24),
  };
  if (request.type > Command.writeZeroes) throw new NbdError(`unknown command ${request.type}`);
  if (payloadBytes(request) > MAX_PAYLOAD || answerBytes(request) > MAX_PAYLOAD) {
    throw new NbdError(`request of ${request.length} bytes is too long`);
  }
  return request;
}

/** Bytes that follow the request's header. */
export const payloadBytes = (request: Request): number =>
  request.type === Command.write ? request.length : 0;

/** Bytes that follow a successful reply's header. */
export const answerBytes = (request: Request): number => (request.type === Command.read ? request.length : 0);

export function encodeReply(error: number, handle: bigint): Buffer {
  const buffer = Buffer.allocUnsafe(REPLY_BYTES);
  buffer.writeUInt32BE(REPLY_MAGIC, 0);
  buffer.writeUInt32BE(error, 4);
  buffer.writeBigUInt64BE(handle, 8);
  return buffer;
}

export function decodeReply(buffer: Buffer): { error: number; handle: bigint } {
  if (buffer.readUInt32BE(0) !== REPLY_MAGIC) throw new NbdError('reply without its magic number');
  return { error: buffer.readUInt32BE(4), handle: buffer.readBigUInt64BE(8) };
}

/** The server's first words. */
export function encodeGreeting(): Buffer {
  const buffer = Buffer.allocUnsafe(18);
  buffer.writeBigUInt64BE(NBD_MAGIC, 0);
  buffer.writeBigUInt64BE(OPTION_MAGIC, 8);
  buffer.writeUInt16BE(HANDSHAKE_FLAGS, 16);
  return buffer;
}

export function encodeOption(option: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.allocUnsafe(16);
  header.writeBigUInt64BE(OPTION_MAGIC, 0);
  header.writeUInt32BE(option, 8);
  header.writeUInt32BE(data.length, 12);
  return Buffer.concat([header, data]);
}

export function encodeOptionReply(option: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.allocUnsafe(20);
  header.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
  header.writeUInt32BE(option, 8);
  header.writeUInt32BE(type, 12);
  header.writeUInt32BE(data.length, 16);
  return Buffer.concat([header, data]);
}

/** Data of NBD_OPT_GO and NBD_OPT_INFO: export name and the infos asked for. */
export function encodeGo(name: string, infos: number[]): Buffer {
  const text = Buffer.from(name, 'utf8');
  const buffer = Buffer.alloc(4 + text.length + 2 + 2 * infos.length);
  buffer.writeUInt32BE(text.length, 0);
  text.copy(buffer, 4);
  buffer.writeUInt16BE(infos.length, 4 + text.length);
  infos.forEach((info, index) => {
    buffer.writeUInt16BE(info, 6 + text.length + 2 * index);
  });
  return buffer;
}

export function decodeGo(data: Buffer): { name: string; infos: number[] } {
  if (data.length < 6) throw new NbdError('option is too short');
  const nameBytes = data.readUInt32BE(0);
  if (nameBytes > data.length - 6) throw new NbdError('option names more bytes than it has');
  const count = data.readUInt16BE(4 + nameBytes);
  if (data.length !== 6 + nameBytes + 2 * count) throw new NbdError('option has the wrong length');
  const infos = Array.from({ length: count }, (_, index) => data.readUInt16BE(6 + nameBytes + 2 * index));
  return { name: data.toString('utf8', 4, 4 + nameBytes), infos };
}

export function encodeInfos(info: ExportInfo): { export: Buffer; blockSize: Buffer } {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(Info.export, 0);
  head.writeBigUInt64BE(BigInt(info.sizeBytes), 2);
  head.writeUInt16BE(info.flags, 10);
  const block = Buffer.alloc(14);
  block.writeUInt16BE(Info.blockSize, 0);
  block.writeUInt32BE(info.blockSize.minimum, 2);
  block.writeUInt32BE(info.blockSize.preferred, 6);
  block.writeUInt32BE(info.blockSize.maximum, 10);
  return { export: head, blockSize: block };
}

/** Adds one NBD_REP_INFO to what is known of an export; infos of other kinds change nothing. */
export function decodeInfo(data: Buffer, into: Partial<ExportInfo>): void {
  if (data.length < 2) throw new NbdError('information is too short');
  const kind = data.readUInt16BE(0);
  if (kind === Info.export) {
    if (data.length !== 12) throw new NbdError('export information has the wrong length');
    const size = data.readBigUInt64BE(2);
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new NbdError('export is too large');
    into.sizeBytes = Number(size);
    into.flags = data.readUInt16BE(10);
  } else if (kind === Info.blockSize) {
    if (data.length !== 14) throw new NbdError('block size information has the wrong length');
    into.blockSize = {
      minimum: data.readUInt32BE(2),
      preferred: data.readUInt32BE(6),
      maximum: data.readUInt32BE(10),
    };
  }
}
