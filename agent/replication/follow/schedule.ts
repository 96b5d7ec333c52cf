import type { FollowStatus, PointMode } from '../../protocol/index.ts';

/** An asynchronous copy makes a point in at least each fourth of what may be lost, and no more often than it must, s. */
const SHARE = 4;
const LONGEST_ASYNC_S = 5;
/** A guest is left alone this long between two points, ms, however long they take. */
const REST_MS = 250;
const FIRST_AGAIN_MS = 1_000;
const LONGEST_AGAIN_MS = 30_000;

/** From the beginning of one point to the beginning of the next, ms. */
export function periodMs(mode: PointMode): number {
  if (mode.kind === 'interval') return mode.everyS * 1_000;
  return Math.min(mode.rpoS / SHARE, LONGEST_ASYNC_S) * 1_000;
}

/** How old the newest point may become before too much would be lost, ms. `tookMs`: what making one took last. */
export function mostBehindMs(mode: PointMode, tookMs: number): number {
  return mode.kind === 'async' ? mode.rpoS * 1_000 : mode.everyS * 1_500 + tookMs;
}

/** How long to wait after a point whose making began so long ago, ms. */
export const restMs = (mode: PointMode, sinceBegunMs: number): number =>
  Math.max(REST_MS, periodMs(mode) - sinceBegunMs);

/** How long to wait after so many failures in a row, ms. */
export const againMs = (mode: PointMode, failures: number): number =>
  Math.min(FIRST_AGAIN_MS * 2 ** Math.min(failures, 10), LONGEST_AGAIN_MS, periodMs(mode));

/** Making a point takes longer than the time until the next. */
export const tooShort = (mode: PointMode, tookMs: number): boolean =>
  mode.kind === 'interval' && tookMs > periodMs(mode);

/** Told before it is missed: with a fifth of the time left. */
export function alarmOf(
  mode: PointMode,
  wholeUntil: number | null,
  now: number,
  tookMs = 0,
): FollowStatus['alarm'] {
  if (wholeUntil === null) return null;
  const behind = now - wholeUntil;
  const most = mostBehindMs(mode, tookMs);
  if (behind > most) return 'missed';
  return behind > most * 0.8 ? 'near' : null;
}
