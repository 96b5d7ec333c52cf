import { Command } from '../forwarder/nbd-wire.ts';
import { CHUNK, isZero } from './chunks.ts';
import type { CopyJob } from './jobs.ts';
import type { NbdRequests } from './nbd-requests.ts';
import { ALLOCATION, NbdSource } from './nbd-source.ts';
import { differing, dirty, type Range, remote } from './ranges.ts';

/** Bytes read and sent as one, and how many such pieces are under way. */
const PIECE = 1024 * 1024;
const PIECES = 6;

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
