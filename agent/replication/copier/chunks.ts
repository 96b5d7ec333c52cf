import { createHash } from 'node:crypto';
import type { Extent, NbdSource } from './nbd-source.ts';
import { ZERO } from './nbd-source.ts';

/** What is compared and sent as one: the cluster of qcow2. */
export const CHUNK = 64 * 1024;
/** SHA-256, its first half: two differing chunks look alike once in 2^64 tries of somebody who searches for it. */
export const DIGEST = 16;
export const NO_DATA = Buffer.alloc(DIGEST);
/** Read as one, and how many such reads are under way. So small that what was read is still in the processor's cache. */
const RUN = 512 * 1024;
const AHEAD = 8;

const EMPTY = Buffer.alloc(CHUNK);

/** Reads as zeroes throughout. */
export const isZero = (data: Buffer): boolean =>
  data.length <= CHUNK ? data.equals(EMPTY.subarray(0, data.length)) : false;

export function digestOf(chunk: Buffer): Buffer {
  return isZero(chunk) ? NO_DATA : createHash('sha256').update(chunk).digest().subarray(0, DIGEST);
}

/** Whole chunks, one after the other: with data to be read, or known to be zeroes. */
export interface Run {
  offset: number;
  length: number;
  zero: boolean;
}

/** Cuts extents at chunk borders: a chunk that has any data is read as a whole. */
export async function* runsOf(extents: AsyncIterable<Extent>, sizeBytes: number): AsyncGenerator<Run> {
  let from = 0;
  /** End of the chunk-aligned range that is known to have data. */
  let dataUntil = 0;
  for await (const { offset, length, flags } of extents) {
    if ((flags & ZERO) !== 0) continue;
    const start = Math.max(dataUntil, Math.floor(offset / CHUNK) * CHUNK);
    const end = Math.min(sizeBytes, Math.ceil((offset + length) / CHUNK) * CHUNK);
    if (start > from) yield { offset: from, length: start - from, zero: true };
    for (let at = start; at < end; at += RUN)
      yield { offset: at, length: Math.min(RUN, end - at), zero: false };
    dataUntil = Math.max(dataUntil, end);
    from = Math.max(from, end);
  }
  if (from < sizeBytes) yield { offset: from, length: sizeBytes - from, zero: true };
}

/** Reads runs in order, some ahead of the one handed out. `data` is null for zeroes, and good until the next one is asked for. */
export async function* readRuns(
  source: Pick<NbdSource, 'read'>,
  runs: AsyncIterable<Run>,
): AsyncGenerator<{ run: Run; data: Buffer | null }> {
  const buffers = Array.from({ length: AHEAD + 2 }, () => Buffer.allocUnsafeSlow(RUN));
  const queue: { run: Run; data: Promise<Buffer> | null }[] = [];
  let turn = 0;
  for await (const run of runs) {
    const buffer = buffers[turn % buffers.length];
    const data = run.zero || !buffer ? null : source.read(run.offset, buffer.subarray(0, run.length));
    if (data) turn += 1;
    // Its failure is met where it is awaited.
    data?.catch(() => undefined);
    queue.push({ run, data });
    if (queue.length <= AHEAD) continue;
    const first = queue.shift();
    if (first) yield { run: first.run, data: await first.data };
  }
  for (const { run, data } of queue) yield { run, data: await data };
}
