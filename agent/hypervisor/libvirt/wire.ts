/**
 * Framing of libvirt's RPC (libvirt: src/rpc/virnetprotocol.x): a length word that counts itself,
 * six header words, then the payload.
 */

/** Length word and header, bytes. */
export const HEADER_BYTES = 28;
/** Longest message accepted, length word included (VIR_NET_MESSAGE_MAX of libvirt 4.5 and later: 32 MiB). */
export const MESSAGE_MAX = 32 * 1024 * 1024 + 4;

/** virNetMessageType. Messages with file descriptors (4, 5) are never asked for. */
export const MessageType = { call: 0, reply: 1, event: 2, stream: 3 } as const;
/** virNetMessageStatus. */
export const MessageStatus = { ok: 0, error: 1, continue: 2 } as const;

export interface MessageHeader {
  program: number;
  version: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
}

export interface Message {
  header: MessageHeader;
  payload: Buffer;
}

/** A byte stream that cannot be libvirt's RPC: the connection is of no further use. */
export class WireError extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'WireError';
  }
}

export function encodeMessage({ header, payload }: Message): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32BE(HEADER_BYTES + payload.length, 0);
  head.writeUInt32BE(header.program, 4);
  head.writeUInt32BE(header.version, 8);
  head.writeInt32BE(header.procedure, 12);
  head.writeUInt32BE(header.type, 16);
  head.writeUInt32BE(header.serial, 20);
  head.writeUInt32BE(header.status, 24);
  return Buffer.concat([head, payload]);
}

function decodeMessage(frame: Buffer): Message {
  return {
    header: {
      program: frame.readUInt32BE(4),
      version: frame.readUInt32BE(8),
      procedure: frame.readInt32BE(12),
      type: frame.readUInt32BE(16),
      serial: frame.readUInt32BE(20),
      status: frame.readUInt32BE(24),
    },
    payload: frame.subarray(HEADER_BYTES),
  };
}

/** Cuts a stream into messages, however its bytes arrive. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #held = 0;
  /** Length of the frame being collected; 0 while unknown. */
  #wanted = 0;

  /** Messages completed by this chunk. Throws WireError on an impossible length. */
  push(chunk: Buffer): Message[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const done: Message[] = [];
    for (let message = this.#next(); message !== null; message = this.#next()) done.push(message);
    return done;
  }

  #next(): Message | null {
    if (this.#wanted === 0) {
      if (this.#held < 4) return null;
      this.#wanted = frameLength(this.#joined());
    }
    if (this.#held < this.#wanted) return null;
    const bytes = this.#joined();
    const frame = bytes.subarray(0, this.#wanted);
    const rest = bytes.subarray(this.#wanted);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
    this.#wanted = 0;
    return decodeMessage(frame);
  }

  #joined(): Buffer {
    const [only] = this.#chunks;
    const joined = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

function frameLength(bytes: Buffer): number {
  const length = bytes.readUInt32BE(0);
  if (length < HEADER_BYTES) throw new WireError(`message of ${length} bytes is shorter than its header`);
  if (length > MESSAGE_MAX) throw new WireError(`message of ${length} bytes is longer than ${MESSAGE_MAX}`);
  return length;
}
