import * as v from 'valibot';
import type { Problem } from './problem.ts';

/** MiB/s; null: as fast as it goes. Bounds: `limitProblem`. */
const Rate = v.nullable(v.pipe(v.number(), v.integer()));
const Hour = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(24));

/**
 * How fast a host may send copies: first ones, what brings one up to date, points, and what is read to compare. All of them
 * share it. Never the writes of a running mirror, nor what a machine stands still for.
 */
export const CopyLimit = v.object({
  mibPerS: Rate,
  /** Another rate within these hours of the host's local time. */
  hours: v.nullable(
    v.object({
      /** On which the hours begin; 0 is Sunday. */
      days: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(6))), v.maxLength(7)),
      /** `to` at or before `from`: until then on the next day. */
      from: Hour,
      to: Hour,
      mibPerS: Rate,
    }),
  ),
});
export type CopyLimit = v.InferOutput<typeof CopyLimit>;

/** What a host tells of it: what was set, and what holds now. */
export const CopyLimitView = v.object({ setting: CopyLimit, nowMibPerS: Rate });
export type CopyLimitView = v.InferOutput<typeof CopyLimitView>;

export const UNLIMITED: CopyLimit = { mibPerS: null, hours: null };
export const RATE_BOUNDS_MIB = { least: 1, most: 10_000 } as const;
export const WORKDAYS = [1, 2, 3, 4, 5];

/** The rate that holds at a moment (wall clock, ms), by this host's local time. */
export function rateAt({ mibPerS, hours }: CopyLimit, at: number): number | null {
  if (hours === null) return mibPerS;
  const date = new Date(at);
  const [day, hour] = [date.getDay(), date.getHours()];
  const { days, from, to } = hours;
  const over = to <= from;
  const today = days.includes(day) && hour >= from && (over || hour < to);
  const sinceYesterday = over && days.includes((day + 6) % 7) && hour < to;
  return today || sinceYesterday ? hours.mibPerS : mibPerS;
}

/** What a limit cannot be; null when it can. The same words at the console and at the agent. */
export function limitProblem({ mibPerS, hours }: CopyLimit): Problem | null {
  return (
    outside(mibPerS, 'mibPerS') ?? (hours && (outside(hours.mibPerS, 'hoursMibPerS') ?? emptyHours(hours)))
  );
}

function outside(mibPerS: number | null, field: string): Problem | null {
  const { least, most } = RATE_BOUNDS_MIB;
  if (mibPerS === null || (mibPerS >= least && mibPerS <= most)) return null;
  return {
    kind: 'rate-out-of-range',
    message: `Copies are limited to between ${least} and ${most} MiB/s, or not at all.`,
    next: 'Enter a whole number between them, or leave it empty.',
    field,
  };
}

function emptyHours({ days, from, to }: NonNullable<CopyLimit['hours']>): Problem | null {
  if (days.length > 0 && from < 24 && from !== to) return null;
  return {
    kind: 'hours-empty',
    message: days.length === 0 ? 'These hours are on no day.' : 'These hours end when they begin.',
    next: 'Choose at least one day and two different hours, or set no hours.',
    field: 'hours',
  };
}
