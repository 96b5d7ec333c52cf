import * as v from 'valibot';
import { Problem } from '../../protocol/index.ts';

const Bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const Remote = v.object({ host: v.string(), port: v.number(), serverName: v.string() });
const Tls = v.object({ key: v.string(), cert: v.string(), ca: v.string() });

/**
 * Where a disk is read from: an image that nobody writes, an export of a running QEMU on a unix socket, or one of a storage
 * daemon over the fleet's TLS.
 */
const Source = v.variant('kind', [
  v.object({ kind: v.literal('image'), path: v.string(), format: v.picklist(['qcow2', 'raw']) }),
  v.object({ kind: v.literal('socket'), path: v.string(), exportName: v.string() }),
  v.object({ kind: v.literal('remote'), remote: Remote, tls: Tls, exportName: v.string() }),
]);
export type Source = v.InferOutput<typeof Source>;

const HashJob = v.object({
  c: v.literal('hash'),
  disks: v.array(v.object({ source: Source, /** File for one digest a chunk. */ out: v.string() })),
});
export type HashJob = v.InferOutput<typeof HashJob>;

const CopyJob = v.object({
  c: v.literal('copy'),
  /**
   * Everything is read before anything is sent, and told (`read`): from then on the disks may change. It all lies in memory
   * until then, so whoever orders it has seen how much it is. Only for what bitmaps say.
   */
  holding: v.optional(v.boolean()),
  /** The standby is told to put it all on its disk at the end, what was sent to these disks before included. */
  flush: v.optional(v.boolean()),
  /** Connections to the standby stay open for the next job of this process. */
  keep: v.optional(v.boolean()),
  remote: Remote,
  tls: Tls,
  disks: v.array(
    v.object({
      /** A running QEMU's export. */
      path: v.string(),
      exportName: v.string(),
      /** The standby's. */
      remoteExport: v.string(),
      what: v.variant('kind', [
        v.object({ kind: v.literal('bitmap'), name: v.string() }),
        /** Everything that does not read as zeroes. */
        v.object({ kind: v.literal('all') }),
        v.object({
          kind: v.literal('differing'),
          /** This side's digests, a file, and the standby's, an export. */
          own: v.string(),
          theirs: v.string(),
        }),
      ]),
    }),
  ),
});
export type CopyJob = v.InferOutput<typeof CopyJob>;

const CompareJob = v.object({
  c: v.literal('compare'),
  remote: Remote,
  tls: Tls,
  disks: v.array(
    v.object({
      target: v.string(),
      /** A running QEMU's export. */
      path: v.string(),
      exportName: v.string(),
      /** What was written while both sides were read: says nothing about those places. */
      bitmap: v.string(),
      own: v.string(),
      theirs: v.string(),
    }),
  ),
});
export type CompareJob = v.InferOutput<typeof CompareJob>;

/** One line on the copier's standard input. */
export const Job = v.variant('c', [HashJob, CopyJob, CompareJob]);
export type Job = v.InferOutput<typeof Job>;

/** Beside the jobs, at any time: how fast what copies and reads may go from now on, bytes/s; null: as fast as it goes. */
export const RateLine = v.object({ rate: v.nullable(v.pipe(v.number(), v.minValue(1))) });
export type RateLine = v.InferOutput<typeof RateLine>;

/** A piece of a disk. */
const Place = v.object({ target: v.string(), offset: Bytes, length: Bytes });
export type Place = v.InferOutput<typeof Place>;

export const Done = v.object({
  /**
   * Hashing: bytes read and hashed; holes and zeroes known without reading are not among them. Copying: bytes that had to be
   * sent. Comparing: bytes that differ, or may, since they were written meanwhile.
   */
  workBytes: Bytes,
  /** Bytes on the wire, requests included; 0 when hashing. */
  sentBytes: Bytes,
  ms: v.number(),
  /** Comparing: bytes that were written meanwhile, and where the sides differ though nothing was; the first places only. */
  writtenBytes: v.optional(Bytes),
  differing: v.optional(v.object({ bytes: Bytes, places: v.array(Place) })),
});
export type Done = v.InferOutput<typeof Done>;

/** Lines of its standard output. */
export const Told = v.union([
  v.object({ progress: v.object({ doneBytes: Bytes, totalBytes: Bytes }) }),
  v.object({ read: v.literal(true) }),
  v.object({ done: Done }),
  v.object({ problem: Problem }),
]);
export type Told = v.InferOutput<typeof Told>;
