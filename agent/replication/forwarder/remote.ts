import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import { ByteReader } from './byte-reader.ts';
import {
  DEFAULT_BLOCK_SIZE,
  decodeInfo,
  type ExportInfo,
  encodeGo,
  encodeOption,
  FLAG_READ_ONLY,
  HANDSHAKE_FLAGS,
  Info,
  MAX_OPTION_BYTES,
  NBD_MAGIC,
  NbdError,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  Option,
  PASSED_FLAGS,
  Reply,
} from './nbd-wire.ts';

/** Where a standby's storage daemon listens, and whom its certificate must name. */
export interface RemoteAddress {
  host: string;
  port: number;
  serverName: string;
}

/** Paths of this host's key, its certificate and the fleet's CA bundle, all PEM. */
export interface TlsFiles {
  key: string;
  cert: string;
  ca: string;
}

/** An export in its transmission phase. */
export interface RemoteExport {
  socket: tls.TLSSocket;
  info: ExportInfo;
}

const DEADLINE_MS = 5_000;

type Step = 'files' | 'connect' | 'tls' | 'export';

/** Opens one export over TLS; the returned socket is paused and nothing has been requested yet. */
export async function openRemote(
  address: RemoteAddress,
  exportName: string,
  files: TlsFiles,
  /** Only to be read: an export that takes no writes is no refusal. */ readOnly = false,
): Promise<Result<RemoteExport>> {
  let step: Step = 'files';
  let secure: tls.TLSSocket | null = null;
  try {
    secure = await openServer(address, files, (now) => {
      step = now;
    });
    step = 'export';
    const info = await go(secure, exportName, readOnly);
    return ok({ socket: secure, info });
  } catch (error) {
    secure?.destroy();
    return fail(problem(step, address, exportName, error instanceof Error ? error.message : String(error)));
  }
}

/** A storage daemon's server, greeted, under TLS, before any option but that. Throws. */
export async function openServer(
  address: RemoteAddress,
  files: TlsFiles,
  at: (step: Step) => void = () => undefined,
): Promise<tls.TLSSocket> {
  const material = await readMaterial(files);
  at('connect');
  const plain = await connect(address);
  try {
    at('tls');
    await startTls(plain);
    return await upgrade(plain, address.serverName, material);
  } catch (error) {
    plain.destroy();
    throw error;
  }
}

async function readMaterial(files: TlsFiles): Promise<{ key: Buffer; cert: Buffer; ca: Buffer }> {
  const [key, cert, ca] = await Promise.all([readFile(files.key), readFile(files.cert), readFile(files.ca)]);
  return { key, cert, ca };
}

function connect(address: RemoteAddress): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: address.host, port: address.port, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), DEADLINE_MS);
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

async function startTls(socket: net.Socket): Promise<void> {
  const reader = new ByteReader(socket, DEADLINE_MS);
  try {
    const greeting = await reader.read(18);
    if (greeting.readBigUInt64BE(0) !== NBD_MAGIC || greeting.readBigUInt64BE(8) !== OPTION_MAGIC) {
      throw new NbdError('what listens there does not speak NBD');
    }
    if ((greeting.readUInt16BE(16) & HANDSHAKE_FLAGS) !== HANDSHAKE_FLAGS) {
      throw new NbdError('what listens there speaks an older NBD');
    }
    const flags = Buffer.alloc(4);
    flags.writeUInt32BE(HANDSHAKE_FLAGS);
    socket.write(Buffer.concat([flags, encodeOption(Option.startTls)]));
    const reply = await readOptionReply(reader, Option.startTls);
    if (reply.type !== Reply.ack) throw new NbdError('TLS was refused');
  } finally {
    reader.detach();
  }
}

function upgrade(
  socket: net.Socket,
  serverName: string,
  material: { key: Buffer; cert: Buffer; ca: Buffer },
): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = tls.connect({
      socket,
      servername: serverName,
      ...material,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    });
    const timer = setTimeout(() => secure.destroy(new Error('no TLS in time')), DEADLINE_MS);
    const failed = (error?: Error) => {
      clearTimeout(timer);
      reject(error ?? new Error('the connection was closed'));
    };
    const closed = () => failed();
    secure.once('error', failed);
    secure.once('close', closed);
    secure.once('secureConnect', () => {
      clearTimeout(timer);
      secure.off('error', failed);
      secure.off('close', closed);
      resolve(secure);
    });
  });
}

async function go(socket: Duplex, exportName: string, readOnly: boolean): Promise<ExportInfo> {
  const reader = new ByteReader(socket, DEADLINE_MS);
  try {
    socket.write(encodeOption(Option.go, encodeGo(exportName, [Info.blockSize])));
    const known: Partial<ExportInfo> = {};
    for (;;) {
      const reply = await readOptionReply(reader, Option.go);
      if (reply.type === Reply.info) decodeInfo(reply.data, known);
      else if (reply.type === Reply.ack) return complete(known, readOnly);
      else throw new NbdError(refusal(reply.type, reply.data));
    }
  } finally {
    reader.detach();
  }
}

function refusal(type: number, data: Buffer): string {
  if (type === Reply.unknown) return 'it offers no such export';
  const text = data.toString('utf8').replace(/[^\x20-\x7e]/g, '?');
  return text === '' ? `refused (${type.toString(16)})` : text.slice(0, 200);
}

function complete(known: Partial<ExportInfo>, readOnly: boolean): ExportInfo {
  if (known.sizeBytes === undefined || known.flags === undefined) {
    throw new NbdError('the export did not tell its size');
  }
  if (!readOnly && (known.flags & FLAG_READ_ONLY) !== 0) throw new NbdError('the export is read-only');
  return {
    sizeBytes: known.sizeBytes,
    flags: known.flags & PASSED_FLAGS,
    blockSize: known.blockSize ?? DEFAULT_BLOCK_SIZE,
  };
}

/** Throws NbdError. */
export async function readOptionReply(
  reader: Pick<ByteReader, 'read'>,
  option: number,
): Promise<{ type: number; data: Buffer }> {
  const header = await reader.read(20);
  if (header.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC || header.readUInt32BE(8) !== option) {
    throw new NbdError('an answer to something that was not asked');
  }
  const length = header.readUInt32BE(16);
  if (length > MAX_OPTION_BYTES) throw new NbdError('an answer is too long');
  return { type: header.readUInt32BE(12), data: await reader.read(length) };
}

function problem(step: Step, address: RemoteAddress, exportName: string, cause: string): Problem {
  const where = `${address.host}, port ${address.port}`;
  const details = { address: where, server: address.serverName, export: exportName, cause };
  switch (step) {
    case 'files':
      return {
        kind: 'certificate-unreadable',
        message: `This host's certificate for replication could not be read (${cause}).`,
        next: 'Deploy the agent to this host again; that renews its certificate.',
        details,
      };
    case 'connect':
      return {
        kind: 'standby-unreachable',
        message: `The standby's storage daemon at ${where} could not be reached (${cause}).`,
        next: 'See that the standby is up and that its firewall lets this host reach that port.',
        details,
      };
    case 'tls':
      return {
        kind: 'replication-refused',
        message: `The encrypted connection to ${where} failed (${cause}).`,
        next: 'See that both hosts carry certificates of this fleet; deploying the agent again renews them.',
        details,
      };
    case 'export':
      return {
        kind: 'export-refused',
        message: `The standby at ${where} did not open the replica's disk (${cause}).`,
        next: 'Start the copy again; if it happens twice, look at the storage daemon on the standby.',
        details,
      };
  }
}
