/**
 * The framing of JSON-RPC messages on a byte stream, as the Language Server Protocol's base protocol defines it:
 * `Content-Length: <bytes>\r\n` (and possibly `Content-Type`), an empty line, the UTF-8 body.
 * Everything is bounded, because the far end may be anybody who reached the socket.
 */

/** Longest header block accepted, bytes; real ones take about 25. */
const MAX_HEADER_BYTES = 512;
const HEADER_END = Buffer.from('\r\n\r\n');

/** Why a link had to be closed; `kind` as in `LinkEnd`. */
export class FrameError extends Error {
  readonly kind: 'malformed' | 'too-large';
  constructor(kind: 'malformed' | 'too-large', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Cuts a stream of chunks into message bodies. Throws FrameError and is then of no further use. */
export class FrameDecoder {
  readonly #maxBodyBytes: number;
  #pieces: Buffer[] = [];
  #held = 0;
  /** Body length announced by the header read last; null while in a header. */
  #expected: number | null = null;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  push(chunk: Buffer): Buffer[] {
    this.#pieces.push(chunk);
    this.#held += chunk.length;
    const bodies: Buffer[] = [];
    for (let body = this.#next(); body !== null; body = this.#next()) bodies.push(body);
    return bodies;
  }

  #next(): Buffer | null {
    if (this.#expected === null && !this.#readHeader()) return null;
    // Joined only when complete: a large body in small chunks is copied once.
    if (this.#expected === null || this.#held < this.#expected) return null;
    const body = this.#take(this.#expected);
    this.#expected = null;
    return body;
  }

  #readHeader(): boolean {
    const joined = this.#join();
    const end = joined.subarray(0, MAX_HEADER_BYTES).indexOf(HEADER_END);
    if (end < 0) {
      if (joined.length >= MAX_HEADER_BYTES) throw new FrameError('malformed', 'header without an end');
      return false;
    }
    const length = contentLength(joined.toString('latin1', 0, end));
    if (length > this.#maxBodyBytes) {
      throw new FrameError(
        'too-large',
        `message of ${length} bytes; at most ${this.#maxBodyBytes} are accepted`,
      );
    }
    this.#take(end + HEADER_END.length);
    this.#expected = length;
    return true;
  }

  #join(): Buffer {
    const [only] = this.#pieces;
    if (only !== undefined && this.#pieces.length === 1) return only;
    const joined = Buffer.concat(this.#pieces, this.#held);
    this.#pieces = [joined];
    return joined;
  }

  #take(bytes: number): Buffer {
    const joined = this.#join();
    const rest = joined.subarray(bytes);
    this.#pieces = rest.length > 0 ? [rest] : [];
    this.#held = rest.length;
    return joined.subarray(0, bytes);
  }
}

function contentLength(header: string): number {
  let length: number | null = null;
  for (const line of header.split('\r\n')) {
    const [, name, value] = /^([A-Za-z-]{1,32}): *(.{1,128})$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new FrameError('malformed', 'unreadable header');
    if (name.toLowerCase() !== 'content-length') continue;
    if (length !== null || !/^\d{1,10}$/.test(value)) throw new FrameError('malformed', 'bad Content-Length');
    length = Number(value);
  }
  if (length === null) throw new FrameError('malformed', 'no Content-Length');
  return length;
}

export function encodeFrame(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`, 'latin1'), body]);
}
