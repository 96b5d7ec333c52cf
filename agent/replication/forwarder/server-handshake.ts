import type { Duplex } from 'node:stream';
import { ByteReader } from './byte-reader.ts';
import {
  decodeGo,
  type ExportInfo,
  encodeGreeting,
  encodeInfos,
  encodeOptionReply,
  HANDSHAKE_FLAGS,
  Info,
  MAX_OPTION_BYTES,
  NbdError,
  OPTION_MAGIC,
  Option,
  Reply,
} from './nbd-wire.ts';

const DEADLINE_MS = 10_000;

/**
 * Negotiates with QEMU as its NBD server for one export, from what is known of the standby's export, so that
 * QEMU can be served while the standby is gone. Structured replies, meta contexts and TLS are refused: the
 * socket is local, and simple replies are all the relay understands.
 * @returns what QEMU sent beyond the negotiation (its first requests); the stream is left paused
 * @throws NbdError when QEMU gave up or sent nonsense
 */
export async function serveHandshake(stream: Duplex, name: string, info: ExportInfo): Promise<Buffer> {
  const reader = new ByteReader(stream, DEADLINE_MS);
  try {
    stream.write(encodeGreeting());
    const flags = (await reader.read(4)).readUInt32BE(0);
    if ((flags & ~HANDSHAKE_FLAGS) !== 0) throw new NbdError('unknown client flags');
    for (;;) {
      const header = await reader.read(16);
      if (header.readBigUInt64BE(0) !== OPTION_MAGIC) throw new NbdError('option without its magic number');
      const option = header.readUInt32BE(8);
      const length = header.readUInt32BE(12);
      if (length > MAX_OPTION_BYTES) throw new NbdError('option is too long');
      const data = await reader.read(length);
      if (answer(stream, option, data, name, info)) return reader.detach();
    }
  } finally {
    reader.detach();
  }
}

/** @returns true when transmission begins */
function answer(stream: Duplex, option: number, data: Buffer, name: string, info: ExportInfo): boolean {
  switch (option) {
    case Option.go:
    case Option.info:
      return inform(stream, option, data, name, info);
    case Option.abort:
      stream.write(encodeOptionReply(option, Reply.ack));
      throw new NbdError('QEMU gave the negotiation up');
    case Option.exportName:
      // It has no way to be refused but by closing (proto.md).
      throw new NbdError('the old way of naming an export is not served');
    default:
      stream.write(encodeOptionReply(option, Reply.unsupported));
      return false;
  }
}

function inform(stream: Duplex, option: number, data: Buffer, name: string, info: ExportInfo): boolean {
  const asked = decodeGo(data);
  if (asked.name !== name) {
    stream.write(encodeOptionReply(option, Reply.unknown));
    return false;
  }
  const infos = encodeInfos(info);
  stream.write(encodeOptionReply(option, Reply.info, infos.export));
  if (asked.infos.includes(Info.blockSize)) {
    stream.write(encodeOptionReply(option, Reply.info, infos.blockSize));
  }
  stream.write(encodeOptionReply(option, Reply.ack));
  return option === Option.go;
}
