import { Command } from '../forwarder/nbd-wire.ts';
import { CHUNK, isZero } from './chunks.ts';
import type { CopyJob } from './jobs.ts';
import type { NbdRequests } from './nbd-requests.ts';
import { ALLOCATION, NbdSource } from './nbd-source.ts';
import { bitmapContext, differing, dirty, dirtyOf, type Range, remote, withData } from './ranges.ts';
import { throttle } from './throttle.ts';

/** Bytes read and sent as one, and how many such pieces are under way. */
const PIECE = 1024 * 1024;
const PIECES = 6;

type Disk = CopyJob['disks'][number];

/** Sends what the bitmaps say, or what the digests tell apart. Every piece is on the standby's disk when it returns. */
export async function copyDisks(
  job: CopyJob,
  progress: (doneBytes: number, totalBytes: number) => void,
  read: () => void = () => undefined,
): Promise<{ workBytes: number; sentBytes: number }> {
  if (job.holding) return copyHeld(job, await allRead(job), read);
  let totalBytes = 0;
  for (const disk of job.disks) for await (const { length } of rangesOf(job, disk)) totalBytes += length;
  let [workBytes, sentBytes] = [0, 0];
  progress(0, totalBytes);
  for (const disk of job.disks) {
    if (totalBytes === 0 && !job.flush) break;
    sentBytes += await copyOne(job, disk, (bytes) => {
      workBytes += bytes;
      progress(workBytes, totalBytes);
    });
  }
  return { workBytes, sentBytes };
}

async function copyOne(job: CopyJob, disk: Disk, sent: (bytes: number) => void): Promise<number> {
  const source = await NbdSource.open(disk.path, disk.exportName, ALLOCATION);
  const target = await writing(job, disk.remoteExport);
  let good = false;
  try {
    const under = new Set<Promise<void>>();
    let failure: unknown = null;
    for await (const range of rangesOf(job, disk)) {
      for (let at = range.offset; at < range.offset + range.length; at += PIECE) {
        const length = Math.min(PIECE, range.offset + range.length - at);
        await throttle.take(length);
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
    if (job.flush) await target.requests.ask(Command.flush, 0, 0);
    good = true;
    return target.done(good);
  } finally {
    source.close();
    if (!good) target.done(false);
  }
}

interface Piece {
  disk: Disk;
  offset: number;
  data: Buffer;
}

async function allRead(job: CopyJob): Promise<Piece[]> {
  return (await Promise.all(job.disks.map((disk) => diskRead(disk)))).flat();
}

/** By one connection, which tells what is wanted and reads it: somebody waits for it. */
async function diskRead(disk: Disk): Promise<Piece[]> {
  const { what } = disk;
  if (what.kind !== 'bitmap') throw new Error('only what a bitmap says is held');
  const pieces: Piece[] = [];
  const source = await NbdSource.open(disk.path, disk.exportName, bitmapContext(what.name));
  try {
    const ranges: Range[] = [];
    for await (const range of dirtyOf(source)) ranges.push(range);
    for (const { offset, length } of ranges)
      for (let at = offset; at < offset + length; at += PIECE)
        pieces.push({ disk, offset: at, data: Buffer.allocUnsafe(Math.min(PIECE, offset + length - at)) });
    await Promise.all(pieces.map((piece) => source.read(piece.offset, piece.data)));
    return pieces;
  } finally {
    source.close();
  }
}

async function copyHeld(
  job: CopyJob,
  pieces: Piece[],
  read: () => void,
): Promise<{ workBytes: number; sentBytes: number }> {
  read();
  const sent = await Promise.all(
    job.disks.map((disk) =>
      sendHeld(
        job,
        disk,
        pieces.filter((piece) => piece.disk === disk),
      ),
    ),
  );
  const sentBytes = sent.reduce((sum, bytes) => sum + bytes, 0);
  return { workBytes: pieces.reduce((sum, { data }) => sum + data.length, 0), sentBytes };
}

async function sendHeld(job: CopyJob, disk: Disk, pieces: Piece[]): Promise<number> {
  const target = await writing(job, disk.remoteExport);
  let good = false;
  try {
    for (const { offset, data } of pieces) await sendPiece(target.requests, offset, data);
    if (job.flush) await target.requests.ask(Command.flush, 0, 0);
    good = true;
    return target.done(good);
  } finally {
    if (!good) target.done(false);
  }
}

async function copyPiece(
  source: NbdSource,
  target: NbdRequests,
  offset: number,
  length: number,
): Promise<void> {
  await sendPiece(target, offset, await source.read(offset, Buffer.allocUnsafe(length)));
}

async function sendPiece(target: NbdRequests, offset: number, data: Buffer): Promise<void> {
  const { length } = data;
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
  if (what.kind === 'differing') return differing(job, disk, what);
  return what.kind === 'all' ? withData(disk) : dirty(disk, what.name);
}

/** Connections that jobs leave open for the next (`CopyJob.keep`), by export: a handshake costs more than a little data. */
const kept = new Map<string, NbdRequests>();

/** The standby's export, to be written. @returns how to write, and how to be done with it: the bytes sent since */
async function writing(
  job: CopyJob,
  exportName: string,
): Promise<{ requests: NbdRequests; done(ok: boolean): number }> {
  const key = `${job.remote.host}:${job.remote.port}/${exportName}`;
  const requests = kept.get(key) ?? (await remote(job, exportName, false)).requests;
  kept.delete(key);
  const before = requests.sentBytes;
  return {
    requests,
    done(ok) {
      if (ok && job.keep) kept.set(key, requests);
      else requests.close();
      return requests.sentBytes - before;
    },
  };
}
