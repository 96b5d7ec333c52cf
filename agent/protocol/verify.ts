import * as v from 'valibot';
import { HostId } from './host.ts';
import { Problem } from './problem.ts';

/** When a pair's copy is compared with its machine. Part of its description, so that it moves along when the hosts change roles. */
export const VerifySettings = v.object({
  /** By the owner's agent at `hour` o'clock of its own clock, on Mondays or on the first of the month. */
  every: v.picklist(['never', 'weekly', 'monthly']),
  hour: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(23)),
});
export type VerifySettings = v.InferOutput<typeof VerifySettings>;
/** Before the hour at which drills are made by default: both read the standby's disks. */
export const VERIFY_DEFAULTS: VerifySettings = { every: 'weekly', hour: 1 };

const Bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** What a comparison found, bytes. */
export const VerifyFound = v.object({
  totalBytes: Bytes,
  /** Read on the machine's side; holes are known without. */
  readBytes: Bytes,
  /** Written meanwhile: nothing can be said of it. */
  writtenBytes: Bytes,
  /** Not alike though nobody wrote there. */
  differingBytes: Bytes,
  /** The first of those places. */
  places: v.array(v.object({ target: v.string(), offset: Bytes, length: Bytes })),
});
export type VerifyFound = v.InferOutput<typeof VerifyFound>;

/** One comparison's outcome, kept by the host that owned the machine. */
export const VerifyResult = v.object({
  id: v.string(),
  /** Its end, wall clock (ms). */
  at: v.number(),
  /** Whose copy was compared. */
  host: HostId,
  /** Ordered by: a person's name, or 'timetable'. */
  by: v.string(),
  outcome: v.picklist(['alike', 'differs', 'failed', 'cancelled']),
  /** Null: it did not come that far. */
  found: v.nullable(VerifyFound),
  problem: v.nullable(Problem),
  tookMs: v.number(),
  /** `differs`: when everything had been compared or copied anew (wall clock, ms); null while that is still to come. */
  repairedAt: v.nullable(v.number()),
});
export type VerifyResult = v.InferOutput<typeof VerifyResult>;

/** What a member knows of the comparisons it made. */
export const VerifyStatus = v.object({
  settings: VerifySettings,
  /** Made by this host, newest first. */
  results: v.array(VerifyResult),
  /** The copy was found to differ, and is not made good yet. */
  distrusted: v.boolean(),
  /** Wall clock (ms) of the next one by timetable; null without. */
  next: v.nullable(v.number()),
});
export type VerifyStatus = v.InferOutput<typeof VerifyStatus>;
