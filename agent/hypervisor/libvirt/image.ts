import { open, stat } from 'node:fs/promises';

/** What an image file says of itself. Sizes in bytes. */
export interface ImageInfo {
  format: 'qcow2' | 'raw';
  /** What the guest sees. */
  virtualBytes: number;
  /** What it takes on the host's file system. */
  allocatedBytes: number;
  traits: ImageTrait[];
}

/** What a qcow2 image may be besides a plain one. */
export type ImageTrait = 'backing-file' | 'encrypted' | 'snapshots' | 'corrupt' | 'external-data';

/** Length of the header up to and including `incompatible_features` (QEMU: docs/interop/qcow2.txt). */
const HEADER_BYTES = 80;
const HEADER_V2_BYTES = 72;
const MAGIC = 0x514649fb;
const BLOCK_BYTES = 512;
const INCOMPATIBLE_CORRUPT = 2n;
const INCOMPATIBLE_EXTERNAL_DATA = 4n;

/**
 * Reads an image's header from the file itself: no process, no question to a QEMU that may be frozen.
 * Null when there is no readable regular file.
 */
export async function readImage(path: string): Promise<ImageInfo | null> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return null;
    const qcow2 = parseQcow2(await readStart(path, HEADER_BYTES));
    const plain = { format: 'raw' as const, virtualBytes: found.size, traits: [] };
    return { ...(qcow2 ?? plain), allocatedBytes: found.blocks * BLOCK_BYTES };
  } catch {
    return null;
  }
}

/** Null when the bytes are no qcow2 header. */
export function parseQcow2(header: Buffer): Omit<ImageInfo, 'allocatedBytes'> | null {
  if (header.length < HEADER_V2_BYTES || header.readUInt32BE(0) !== MAGIC) return null;
  const hasFeatures = header.readUInt32BE(4) >= 3 && header.length >= HEADER_BYTES;
  const incompatible = hasFeatures ? header.readBigUInt64BE(72) : 0n;
  const traits: ImageTrait[] = [];
  if (header.readBigUInt64BE(8) !== 0n) traits.push('backing-file');
  if (header.readUInt32BE(32) !== 0) traits.push('encrypted');
  if (header.readUInt32BE(60) !== 0) traits.push('snapshots');
  if (incompatible & INCOMPATIBLE_CORRUPT) traits.push('corrupt');
  if (incompatible & INCOMPATIBLE_EXTERNAL_DATA) traits.push('external-data');
  return { format: 'qcow2', virtualBytes: Number(header.readBigUInt64BE(24)), traits };
}

async function readStart(path: string, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
