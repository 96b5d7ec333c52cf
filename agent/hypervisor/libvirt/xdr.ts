/**
 * External Data Representation, RFC 4506: the encoding of libvirt's RPC payloads.
 * Everything is big-endian and padded to four bytes.
 */

/** A payload that does not hold what its type demands. */
export class XdrError extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'XdrError';
  }
}

const UUID_BYTES = 16;
/** No bit operations: lengths from outside may need all 32 bits. */
const padded = (length: number): number => Math.ceil(length / 4) * 4;

/** Builds one payload. */
export class XdrWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.#add(part);
  }

  uint(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    return this.#add(part);
  }

  /** RFC 4506 4.11: length, UTF-8 bytes, zero padding. */
  string(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    const part = Buffer.alloc(4 + padded(bytes.length));
    part.writeUInt32BE(bytes.length);
    bytes.copy(part, 4);
    return this.#add(part);
  }

  /** RFC 4506 4.10: variable opaque, length, bytes, zero padding. */
  opaque(value: Buffer): this {
    const part = Buffer.alloc(4 + padded(value.length));
    part.writeUInt32BE(value.length);
    value.copy(part, 4);
    return this.#add(part);
  }

  /** RFC 4506 4.19: optional data, a flag and then perhaps the value. */
  optionalString(value: string | null): this {
    return value === null ? this.uint(0) : this.uint(1).string(value);
  }

  /** Fixed opaque of 16 bytes from a UUID's text. */
  uuid(text: string): this {
    const part = Buffer.from(text.replaceAll('-', ''), 'hex');
    if (part.length !== UUID_BYTES) throw new XdrError(`not a UUID: ${text}`);
    return this.#add(part);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #add(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }
}

/** Reads one payload; every read is checked against what is left. */
export class XdrReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  uint(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  hyper(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  uhyper(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  string(): string {
    const length = this.uint();
    const start = this.#take(padded(length));
    return this.#bytes.toString('utf8', start, start + length);
  }

  opaque(): Buffer {
    const length = this.uint();
    const start = this.#take(padded(length));
    return this.#bytes.subarray(start, start + length);
  }

  optional<T>(read: (reader: XdrReader) => T): T | null {
    const flag = this.uint();
    if (flag > 1) throw new XdrError(`optional value flagged ${flag}`);
    return flag === 1 ? read(this) : null;
  }

  optionalString(): string | null {
    return this.optional((reader) => reader.string());
  }

  /** Lower-case text of a 16-byte opaque. */
  uuid(): string {
    const start = this.#take(UUID_BYTES);
    const hex = this.#bytes.toString('hex', start, start + UUID_BYTES);
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  /** Variable array. Its elements take at least four bytes each, so a false length fails before it costs memory. */
  array<T>(read: (reader: XdrReader) => T): T[] {
    const length = this.uint();
    if (length * 4 > this.left) throw new XdrError(`array of ${length} elements in ${this.left} bytes`);
    return Array.from({ length }, () => read(this));
  }

  #take(length: number): number {
    if (length > this.left) throw new XdrError(`${length} bytes wanted, ${this.left} left`);
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}
