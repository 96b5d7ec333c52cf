import * as v from 'valibot';
import { HostId } from './host.ts';
import { RestorePoint } from './mode.ts';
import { Problem } from './problem.ts';

/**
 * How a copy on trial shows that it works. `answers`: its guest agent answers, or its system answers at its known address;
 * needs no setup. `boots`: its process runs on for half a minute, for a machine that has neither.
 */
export const DrillCheck = v.variant('kind', [
  v.object({ kind: v.literal('answers') }),
  v.object({ kind: v.literal('agent') }),
  v.object({
    kind: v.literal('tcp'),
    port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
  }),
  v.object({
    kind: v.literal('http'),
    port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
    path: v.pipe(v.string(), v.regex(/^\/[^\s]{0,200}$/)),
  }),
  v.object({ kind: v.literal('boots') }),
]);
export type DrillCheck = v.InferOutput<typeof DrillCheck>;

/** How a pair's copy is tried out. Part of its description, so that it moves along when the hosts change roles. */
export const DrillSettings = v.object({
  check: DrillCheck,
  /** Run by the standby's agent at `hour` o'clock of its own clock, on Mondays or on the first of the month. */
  every: v.picklist(['never', 'weekly', 'monthly']),
  hour: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(23)),
  /** A passed drill says nothing about the present after so many days. */
  maxAgeDays: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(730)),
});
export type DrillSettings = v.InferOutput<typeof DrillSettings>;
export const DRILL_DEFAULTS: DrillSettings = {
  check: { kind: 'answers' },
  every: 'never',
  hour: 3,
  maxAgeDays: 90,
};

/** What the record says of trials: the ground on which a pair may be armed. */
export const DrillRecord = v.object({
  /** The last drill that was passed; `fingerprint` of the configuration it was made with. */
  passed: v.nullable(v.object({ at: v.number(), host: HostId, fingerprint: v.string() })),
  /** Who decided to arm without one, and when (wall clock, ms). */
  waived: v.nullable(v.object({ at: v.number(), by: v.string() })),
});
export type DrillRecord = v.InferOutput<typeof DrillRecord>;

/** One trial's outcome, kept by the host it was made on. Times in ms; null: it did not come that far. */
export const DrillResult = v.object({
  id: v.string(),
  at: v.number(),
  host: HostId,
  outcome: v.picklist(['passed', 'failed', 'cancelled']),
  /** Ordered by: a person's name, or 'timetable'. */
  by: v.string(),
  fingerprint: v.string(),
  /** What answered: "HTTP 200 from 10.0.0.5:80". */
  evidence: v.string(),
  problem: v.nullable(Problem),
  /** How long the replica waited for the point. */
  pointMs: v.nullable(v.number()),
  /** From the order to start it until its process ran. */
  startMs: v.nullable(v.number()),
  /** From its first instruction to its answer. */
  answerMs: v.nullable(v.number()),
  /** Removing the point and what hung on it, its guest ended. */
  undoMs: v.nullable(v.number()),
  /** Of a copy that is kept by points: the one that was tried. */
  restorePoint: v.optional(RestorePoint),
});
export type DrillResult = v.InferOutput<typeof DrillResult>;

/** What a member knows of the trials of a pair's copies. */
export const DrillStatus = v.object({
  settings: DrillSettings,
  /** Made on this host, newest first. */
  results: v.array(DrillResult),
  /** Why the last passed drill says nothing of the copy here now; null when it does, or there is none. */
  stale: v.nullable(v.picklist(['changed', 'age'])),
  /** Wall clock (ms) of the next one by timetable; null without. */
  next: v.nullable(v.number()),
});
export type DrillStatus = v.InferOutput<typeof DrillStatus>;
