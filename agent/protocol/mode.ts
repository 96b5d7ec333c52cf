import * as v from 'valibot';
import { type CoordinatedMode, coordinatedProblem, ExternalMode, SharedMode } from './coordinated.ts';
import type { Problem } from './problem.ts';

const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000));

/**
 * Which restore points are kept: the newest `last`, and the newest one of each of so many hours, days and weeks (UTC, weeks
 * from Monday) in which one was made.
 */
export const Retention = v.object({ last: Count, hourly: Count, daily: Count, weekly: Count });
export type Retention = v.InferOutput<typeof Retention>;

/**
 * How a pair's copy is kept. `sync`: a write is acknowledged when both copies have it. The others send what has changed
 * now and then, as a whole (a *point*); what was written since is lost in a failure, and a person decides about it.
 */
export const ReplicationMode = v.variant('kind', [
  v.object({
    kind: v.literal('sync'),
    /** The standby acknowledges a write when it has it in memory (DRBD's protocol B). Left out: when it is on its disk. */
    memory: v.optional(v.boolean()),
    /** Rather go on than wait: the mirror is given up when a write has waited this long for the standby, ms. Left out: never. */
    goOnMs: v.optional(v.pipe(v.number(), v.integer())),
  }),
  v.object({
    kind: v.literal('interval'),
    /** From the beginning of one point to the next, s. Bounds: `modeProblem`. */
    everyS: v.pipe(v.number(), v.integer()),
    retention: Retention,
  }),
  v.object({
    kind: v.literal('async'),
    /** What may be lost at most, s: points are made several times within it. Bounds: `modeProblem`. */
    rpoS: v.pipe(v.number(), v.integer()),
  }),
  SharedMode,
  ExternalMode,
]);
export type ReplicationMode = v.InferOutput<typeof ReplicationMode>;
export type ModeKind = ReplicationMode['kind'];
export type SyncMode = Extract<ReplicationMode, { kind: 'sync' }>;
/** One that makes points. */
export type PointMode = Extract<ReplicationMode, { kind: 'interval' | 'async' }>;

/** By whom the copy is kept is chosen once, when the machine is protected: whose files they are depends on it. */
export const isCoordinated = (mode: ReplicationMode): mode is CoordinatedMode =>
  mode.kind === 'shared' || mode.kind === 'external';
export const makesPoints = (mode: ReplicationMode): mode is PointMode =>
  mode.kind === 'interval' || mode.kind === 'async';
/** A copy that may have everything, so that somebody may fail over to it by himself. */
export const mayBeWhole = (mode: ReplicationMode): boolean =>
  mode.kind === 'sync' || mode.kind === 'shared' || (mode.kind === 'external' && mode.synchronous);

export const SYNC: ReplicationMode = { kind: 'sync' };
/** Shorter is what healthy disks need now and then; longer is a disk that hangs, which is given up anyway. */
export const GO_ON_BOUNDS_MS = { least: 100, most: 15_000 } as const;
export const INTERVAL_BOUNDS_S = { least: 30, most: 86_400 } as const;
export const RPO_BOUNDS_S = { least: 5, most: 3_600 } as const;
export const RETENTION_DEFAULT: Retention = { last: 6, hourly: 12, daily: 7, weekly: 4 };
/** An asynchronous copy is no archive: the last two points, so that one is whole while the next is made. */
export const ASYNC_RETENTION: Retention = { last: 2, hourly: 0, daily: 0, weekly: 0 };

/** What is offered, and what counts while a host does not know what was chosen. */
export const MODE_DEFAULTS: Record<PointMode['kind'], PointMode> = {
  interval: { kind: 'interval', everyS: 900, retention: RETENTION_DEFAULT },
  async: { kind: 'async', rpoS: 30 },
};

export const retentionOf = (mode: PointMode): Retention =>
  mode.kind === 'interval' ? mode.retention : ASYNC_RETENTION;

/** A state of a machine's disks, the same instant for all of them, complete on the standby: it can be started. */
export const RestorePoint = v.object({
  id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{1,40}$/)),
  /** Wall clock (ms) of the owner: every write acknowledged until then is in it. */
  at: v.number(),
  /** Its file systems were at rest: the guest agent had frozen them. Otherwise it is as after a loss of power. */
  quiesced: v.boolean(),
  /** Bytes that had changed since the one before. */
  bytes: v.number(),
});
export type RestorePoint = v.InferOutput<typeof RestorePoint>;

/** How far a copy that is kept by points is behind, as the owner sees it. */
export const FollowStatus = v.object({
  /** The newest point known to be complete; null before the first. */
  point: v.nullable(RestorePoint),
  /** Wall clock (ms): every write acknowledged until then is in that point. Later than its `at` when nothing was written since. */
  wholeUntil: v.nullable(v.number()),
  /** Written since, bytes in whole grains; null when not known. */
  behindBytes: v.nullable(v.number()),
  /** Wall clock (ms) at which the next point is begun; null while one is being made. */
  nextAt: v.nullable(v.number()),
  /** Of the last point: from its beginning until it was complete, and how long the guest stood still for it, ms. */
  tookMs: v.nullable(v.number()),
  gapMs: v.nullable(v.number()),
  /** `near`: what may be lost is about to be exceeded; `missed`: it is. */
  alarm: v.nullable(v.picklist(['near', 'missed'])),
});
export type FollowStatus = v.InferOutput<typeof FollowStatus>;

/** What a mode cannot be; null when it can. The same words at the console and at the agent. */
export function modeProblem(mode: ReplicationMode): Problem | null {
  if (isCoordinated(mode)) return coordinatedProblem(mode);
  if (mode.kind === 'interval') return outside(mode.everyS) ?? emptyRule(mode.retention);
  if (mode.kind === 'sync') return patienceProblem(mode.goOnMs);
  if (mode.kind !== 'async') return null;
  const { least, most } = RPO_BOUNDS_S;
  if (mode.rpoS >= least && mode.rpoS <= most) return null;
  return {
    kind: 'rpo-out-of-range',
    message: `What may be lost at most is between ${least} s and ${most / 60} min.`,
    next: 'Choose a time between them; for longer ones make points at intervals, for nothing at all mirror synchronously.',
    field: 'rpoS',
  };
}

function patienceProblem(goOnMs: number | undefined): Problem | null {
  const { least, most } = GO_ON_BOUNDS_MS;
  if (goOnMs === undefined || (goOnMs >= least && goOnMs <= most)) return null;
  return {
    kind: 'patience-out-of-range',
    message: `A write may wait between ${least} ms and ${most / 1000} s for the standby.`,
    next: 'Choose a time between them, or let the machine wait.',
    field: 'goOnMs',
  };
}

function outside(everyS: number): Problem | null {
  const { least, most } = INTERVAL_BOUNDS_S;
  if (everyS >= least && everyS <= most) return null;
  return {
    kind: 'interval-out-of-range',
    message: `Points are made every ${least} s at the most often, and once a day at the least.`,
    next: 'Choose an interval between them.',
    field: 'everyS',
  };
}

function emptyRule(retention: Retention): Problem | null {
  if (Object.values(retention).some((count) => count > 0)) return null;
  return {
    kind: 'retention-keeps-nothing',
    message: 'This rule keeps no restore point at all.',
    next: 'Keep at least the last one.',
    field: 'retention',
  };
}
