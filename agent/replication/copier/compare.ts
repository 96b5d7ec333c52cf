import { CHUNK } from './chunks.ts';
import type { CompareJob, Place } from './jobs.ts';
import { differing, dirty, type Range } from './ranges.ts';

/** Places that are told; their bytes are counted beyond. */
const MOST_PLACES = 20;

export interface Compared {
  workBytes: number;
  writtenBytes: number;
  differing: { bytes: number; places: Place[] };
}

/** Of what the digests tell apart, that which nobody wrote to while they were made. */
export async function compareDisks(job: CompareJob): Promise<Compared> {
  const compared: Compared = { workBytes: 0, writtenBytes: 0, differing: { bytes: 0, places: [] } };
  for (const disk of job.disks) {
    const chunks: Range[] = [];
    for await (const range of dirty(disk, disk.bitmap)) chunks.push(inChunks(range));
    const written = joined(chunks);
    compared.writtenBytes += written.reduce((sum, { length }) => sum + length, 0);
    for await (const range of differing(job, disk, disk)) {
      compared.workBytes += range.length;
      for (const { offset, length } of without(range, written)) {
        compared.differing.bytes += length;
        if (compared.differing.places.length < MOST_PLACES)
          compared.differing.places.push({ target: disk.target, offset, length });
      }
    }
  }
  return compared;
}

function inChunks({ offset, length }: Range): Range {
  const from = Math.floor(offset / CHUNK) * CHUNK;
  return { offset: from, length: Math.ceil((offset + length) / CHUNK) * CHUNK - from };
}

/** @param ranges in order */
function joined(ranges: Range[]): Range[] {
  const all: Range[] = [];
  for (const range of ranges) {
    const last = all.at(-1);
    const end = range.offset + range.length;
    if (last && range.offset <= last.offset + last.length)
      last.length = Math.max(last.length, end - last.offset);
    else all.push({ ...range });
  }
  return all;
}

/** What is left of a range; `others` in order and apart. */
export function* without(range: Range, others: Range[]): Generator<Range> {
  let at = range.offset;
  const end = range.offset + range.length;
  for (const { offset, length } of others) {
    if (offset >= end) break;
    if (offset + length <= at) continue;
    if (offset > at) yield { offset: at, length: offset - at };
    at = offset + length;
  }
  if (at < end) yield { offset: at, length: end - at };
}
