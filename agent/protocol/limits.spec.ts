import { describe, expect, it } from 'vitest';
import { type CopyLimit, limitProblem, rateAt, UNLIMITED, WORKDAYS } from './limits.ts';

/** By local time, as the code reads it: 30 November 2026 is a Monday. */
const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();
const WORK: CopyLimit = { mibPerS: null, hours: { days: WORKDAYS, from: 8, to: 18, mibPerS: 5 } };
const NIGHTS: CopyLimit = { mibPerS: 10, hours: { days: [5], from: 22, to: 6, mibPerS: null } };

describe('a limit with a timetable', () => {
  it.each([
    [WORK, at(30, 7, 59), null],
    [WORK, at(30, 8), 5],
    [WORK, at(30, 17, 59), 5],
    [WORK, at(30, 18), null],
    // Sunday and Saturday.
    [WORK, at(29, 12), null],
    [WORK, at(28, 12), null],
    // From Friday evening into Saturday morning.
    [NIGHTS, at(27, 21), 10],
    [NIGHTS, at(27, 23), null],
    [NIGHTS, at(28, 5, 59), null],
    [NIGHTS, at(28, 6), 10],
    [NIGHTS, at(27, 5), 10],
    [UNLIMITED, at(30, 12), null],
  ] as const)('%j at %s: %s', (limit, moment, rate) => expect(rateAt(limit as CopyLimit, moment)).toBe(rate));

  it('refuses what cannot be, and names the field', () => {
    expect(limitProblem(WORK)).toBeNull();
    expect(limitProblem({ mibPerS: 0, hours: null })).toMatchObject({ field: 'mibPerS' });
    expect(limitProblem({ mibPerS: 20_000, hours: null })).toMatchObject({ kind: 'rate-out-of-range' });
    const hours = { days: WORKDAYS, from: 8, to: 18, mibPerS: 5 };
    expect(limitProblem({ mibPerS: null, hours: { ...hours, mibPerS: 0 } })).toMatchObject({
      field: 'hoursMibPerS',
    });
    expect(limitProblem({ mibPerS: null, hours: { ...hours, days: [] } })).toMatchObject({ field: 'hours' });
    expect(limitProblem({ mibPerS: null, hours: { ...hours, to: 8 } })).toMatchObject({
      kind: 'hours-empty',
    });
  });
});
