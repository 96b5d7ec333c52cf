import { open } from 'node:fs/promises';
import { ProblemError } from '../../protocol/index.ts';
import type { ExportInfo } from '../forwarder/nbd-wire.ts';
import { openRemote } from '../forwarder/remote.ts';
import { CHUNK, DIGEST } from './chunks.ts';
import type { CopyJob } from './jobs.ts';
import { NbdRequests } from './nbd-requests.ts';
import { ALLOCATION, DIRTY, NbdSource, ZERO } from './nbd-source.ts';

/** Digests compared at once: 4 MiB of them stand for 16 GiB. */
const DIGESTS = 4 * 1024 * 1024;

export interface Range {
  offset: number;
  length: number;
}
type Server = Pick<CopyJob, 'remote' | 'tls'>;
type Disk = Pick<CopyJob['disks'][number], 'path' | 'exportName'>;

/** What a bitmap that records no more says, neighbours joined. */
export const dirty = (disk: Disk, bitmap: string): AsyncGenerator<Range> =>
  extents(disk, bitmapContext(bitmap), isDirty);

/** For a source that was opened with it: the same, on the connection through which it is read. */
export const dirtyOf = (source: NbdSource): AsyncGenerator<Range> => joined(source, isDirty);

export const bitmapContext = (name: string): string => `qemu:dirty-bitmap:${name}`;
const isDirty = (flags: number): boolean => (flags & DIRTY) !== 0;

/** What is not known to read as zeroes, neighbours joined. */
export const withData = (disk: Disk): AsyncGenerator<Range> =>
  extents(disk, ALLOCATION, (flags) => (flags & ZERO) === 0);

async function* extents(
  disk: Disk,
  context: string,
  wanted: (flags: number) => boolean,
): AsyncGenerator<Range> {
  const source = await NbdSource.open(disk.path, disk.exportName, context);
  try {
    yield* joined(source, wanted);
  } finally {
    source.close();
  }
}

async function* joined(source: NbdSource, wanted: (flags: number) => boolean): AsyncGenerator<Range> {
  let range: Range | null = null;
  for await (const { offset, length, flags } of source.extents()) {
    if (!wanted(flags)) continue;
    if (range !== null && range.offset + range.length === offset) range.length += length;
    else {
      if (range !== null) yield range;
      range = { offset, length };
    }
  }
  if (range !== null) yield range;
}

/** Where the digests of both sides are not alike: whole chunks, neighbours joined. */
export async function* differing(
  job: Server,
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

export async function remote(
  job: Server,
  exportName: string,
  readOnly: boolean,
): Promise<{ requests: NbdRequests; info: ExportInfo }> {
  const opened = await openRemote(job.remote, exportName, job.tls, readOnly);
  if (!opened.ok) throw new ProblemError(opened.problem);
  return { requests: new NbdRequests(opened.value.socket), info: opened.value.info };
}
