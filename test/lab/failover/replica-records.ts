import { createReadStream } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../run.ts';

/** test/lab/guest/records.c: how a record lies on a disk. */
const SIZE = 4096;
const MAGIC = Buffer.from('USRECRD1');
const NONCE = { from: 24, to: 72 };

/** FNV-1a over all but the sum itself. */
export function sumOf(record: Buffer): number {
  let sum = 2166136261;
  for (const byte of record.subarray(0, SIZE - 4)) sum = Math.imul(sum ^ byte, 16777619);
  return sum >>> 0;
}

/** Whole records in a piece of an image, at block boundaries: their nonces by number. */
export function recordsIn(piece: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  for (let at = piece.indexOf(MAGIC); at >= 0; at = piece.indexOf(MAGIC, at + MAGIC.length)) {
    const record = piece.subarray(at, at + SIZE);
    if (at % SIZE !== 0 || record.length < SIZE || record.readUInt32LE(SIZE - 4) !== sumOf(record)) continue;
    const nonce = record.toString('latin1', NONCE.from, NONCE.to).replace(/\0.*$/s, '');
    found.set(Number(record.readBigUInt64LE(8)), nonce);
  }
  return found;
}

const PIECE = 8 * 1024 * 1024;

/**
 * The records of an image that nobody writes now, read without the guest's file system: blocks that were overwritten
 * are not there twice, since a record's place in its file, and so on the disk, never changes.
 */
export async function recordsOfImage(image: string, folder: string): Promise<Map<number, string>> {
  const work = await mkdtemp(join(folder, 'replica-'));
  try {
    await cp(image, join(work, 'copy'));
    const raw = join(work, 'raw');
    await must(['qemu-img', 'convert', '-U', '-O', 'raw', join(work, 'copy'), raw]);
    const found = new Map<number, string>();
    let rest = Buffer.alloc(0);
    for await (const chunk of createReadStream(raw, { highWaterMark: PIECE })) {
      const piece = Buffer.concat([rest, chunk as Buffer]);
      const whole = piece.length - (piece.length % SIZE);
      for (const [number, nonce] of recordsIn(piece.subarray(0, whole))) found.set(number, nonce);
      rest = piece.subarray(whole);
    }
    return found;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
