/** Just enough of DER (ITU-T X.690) to write a certificate request. */

const TAG = { integer: 0x02, bitString: 0x03, oid: 0x06, utf8: 0x0c, sequence: 0x30, set: 0x31 } as const;

function element(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), encodeLength(body.length), body]);
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

/** Base-128 groups, the first two arcs joined in one (X.690, 8.19). */
function encodeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift(0x80 | (left % 128));
    return groups;
  });
  return Buffer.from(bytes);
}

export const sequence = (...items: Buffer[]): Buffer => element(TAG.sequence, ...items);
export const set = (...items: Buffer[]): Buffer => element(TAG.set, ...items);
export const oid = (dotted: string): Buffer => element(TAG.oid, encodeOid(dotted));
export const utf8 = (text: string): Buffer => element(TAG.utf8, Buffer.from(text, 'utf8'));
/** Small non-negative numbers only. */
export const smallInteger = (value: number): Buffer => element(TAG.integer, Buffer.of(value));
/** Whole bytes only: no unused bits at the end. */
export const bitString = (bytes: Buffer): Buffer => element(TAG.bitString, Buffer.of(0), bytes);
/** Constructed, context-specific: [number]. */
export const tagged = (number: number, ...items: Buffer[]): Buffer => element(0xa0 | number, ...items);

export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
