import { open } from 'node:fs/promises';
import { ProblemError } from '../../protocol/index.ts';
import { Command, type ExportInfo } from '../forwarder/nbd-wire.ts';
import { openRemote } from '../forwarder/remote.ts';
import { CHUNK, DIGEST, isZero } from './chunks.ts';
import type { CopyJob } from './jobs.ts';
import { NbdRequests } from './nbd-requests.ts';
import { ALLOCATION, DIRTY, NbdSource } from './nbd-source.ts';

/** Bytes read and sent as one, and how many such pieces are under way. */
const PIECE = 1024 * 1024;
const PIECES = 6;
/** Digests compared at once: 4 MiB of them stand for 16 GiB. */
const DIGESTS = 4 * 1024 * 1024;

interface Range {
  offset: number;
  length: number;
}
type Disk = CopyJob['disks'][number];

/** Sends what the bitmaps say, or what the digests tell apart. Every piece is on the standby's disk when it returns. */
export async function copyDisks(
  job: CopyJob,
  progress: (doneBytes: number, totalBytes: number) => void,
): Promise<{ workBytes: number; sentBytes: number }> {
  let totalBytes = 0;
  for (const disk of job.disks) for await (const { length } of rangesOf(job, disk)) totalBytes += length;
  let [workBytes, sentBytes] = [0, 0];
  progress(0, totalBytes);
  for (const disk of job.disks) {
    if (totalBytes === 0) break;
    sentBytes += await copyOne(job, disk, (bytes) => {
      workBytes += bytes;
      progress(workBytes, totalBytes);
    });
  }
  return { workBytes, sentBytes };
}

async function copyOne(job: CopyJob, disk: Disk, sent: (bytes: number) => void): Promise<number> {
  const source = await NbdSource.open(disk.path, disk.exportName, ALLOCATION);
  const target = await remote(job, disk.remoteExport, false);
  try {
    const under = new Set<Promise<void>>();
    let failure: unknown = null;
    for await (const range of rangesOf(job, disk)) {
      for (let at = range.offset; at < range.offset + range.length; at += PIECE) {
        const length = Math.min(PIECE, range.offset + range.length - at);
        const piece = copyPiece(source, target.requests, at, length)
          .then(() => sent(length))
          .catch((error) => {
            failure ??= error;
          })
          .finally(() => under.delete(piece));
        under.add(piece);
        if (under.size >= PIECES) await Promise.race(under);
        if (failure) throw failure;
      }
    }
    await Promise.all(under);
    if (failure) throw failure;
    return target.requests.sentBytes;
  } finally {
    source.close();
    target.requests.close();
  }
}

async function copyPiece(
  source: NbdSource,
  target: NbdRequests,
  offset: number,
  length: number,
): Promise<void> {
  const data = await source.read(offset, Buffer.allocUnsafe(length));
  const writes: Promise<unknown>[] = [];
  for (let at = 0; at < length; ) {
    const zero = isZero(data.subarray(at, at + CHUNK));
    let end = Math.min(length, at + CHUNK);
    while (end < length && isZero(data.subarray(end, end + CHUNK)) === zero)
      end = Math.min(length, end + CHUNK);
    writes.push(
      zero
        ? target.ask(Command.writeZeroes, offset + at, end - at)
        : target.ask(Command.write, offset + at, end - at, data.subarray(at, end)),
    );
    at = end;
  }
  await Promise.all(writes);
}

function rangesOf(job: CopyJob, disk: Disk): AsyncGenerator<Range> {
  const { what } = disk;
  return what.kind === 'bitmap' ? dirty(disk, what.name) : differing(job, disk, what);
}

async function* dirty(disk: Disk, bitmap: string): AsyncGenerator<Range> {
  const source = await NbdSource.open(disk.path, disk.exportName, `qemu:dirty-bitmap:${bitmap}`);
  try {
    let range: Range | null = null;
    for await (const { offset, length, flags } of source.extents()) {
      if ((flags & DIRTY) === 0) continue;
      if (range !== null && range.offset + range.length === offset) range.length += length;
      else {
        if (range !== null) yield range;
        range = { offset, length };
      }
    }
    if (range !== null) yield range;
  } finally {
    source.close();
  }
}

async function* differing(
  job: CopyJob,
  disk: Disk,
  what: { own: string; theirs: string },
): AsyncGenerator<Range> {
  const own = await open(what.own, 'r');
  const theirs = await remote(job, what.theirs, true);
  try {
    const { size } = await own.stat();
    // The export of a file is rounded up to sectors.
    if (theirs.info.sizeBytes < size) throw new Error('the other side compared a disk of another size');
    const sizeBytes = (await sizeOf(disk)) ?? 0;
    for (let at = 0; at < size; at += DIGESTS) {
      const length = Math.min(DIGESTS, size - at);
      const mine = Buffer.alloc(length);
      await own.read(mine, 0, length, at);
      const other = await theirs.requests.read(at, Buffer.alloc(length));
      yield* unequal(mine, other, (at / DIGEST) * CHUNK, sizeBytes);
    }
  } finally {
    await own.close();
    theirs.requests.close();
  }
}

async function sizeOf(disk: Disk): Promise<number> {
  const source = await NbdSource.open(disk.path, disk.exportName, ALLOCATION);
  source.close();
  return source.sizeBytes;
}

/** Ranges of the disk whose digests are not alike, neighbours joined. */
export function* unequal(mine: Buffer, other: Buffer, base: number, sizeBytes: number): Generator<Range> {
  let from = -1;
  for (let at = 0; at <= mine.length; at += DIGEST) {
    const ends = at === mine.length || mine.compare(other, at, at + DIGEST, at, at + DIGEST) === 0;
    const place = base + (at / DIGEST) * CHUNK;
    if (!ends && from < 0) from = place;
    if (!ends || from < 0) continue;
    yield { offset: from, length: Math.min(place, sizeBytes) - from };
    from = -1;
  }
}

async function remote(
  job: CopyJob,
  exportName: string,
  readOnly: boolean,
): Promise<{ requests: NbdRequests; info: ExportInfo }> {
  const opened = await openRemote(job.remote, exportName, job.tls, readOnly);
  if (!opened.ok) throw new ProblemError(opened.problem);
  return { requests: new NbdRequests(opened.value.socket), info: opened.value.info };
}
