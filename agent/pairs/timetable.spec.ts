import { describe, expect, it } from 'vitest';
import { isDue, nextSlot } from './timetable.ts';

const at = (day: number, hour: number, minute = 0): number => new Date(2026, 5, day, hour, minute).getTime();
// The first of June 2026 is a Monday.
const weekly = { every: 'weekly', hour: 3 } as const;
const monthly = { every: 'monthly', hour: 3 } as const;

describe('the timetable of drills', () => {
  it('is due from its hour on, once', () => {
    expect(isDue(weekly, 0, at(8, 2, 59))).toBe(false);
    expect(isDue(weekly, 0, at(8, 3))).toBe(true);
    expect(isDue(weekly, at(8, 3), at(8, 4))).toBe(false);
    expect(isDue(weekly, at(7, 20), at(8, 4))).toBe(true);
  });

  it('leaves out what was missed by hours', () => {
    expect(isDue(weekly, 0, at(8, 9))).toBe(true);
    expect(isDue(weekly, 0, at(8, 10))).toBe(false);
    expect(isDue({ every: 'weekly', hour: 22 }, 0, at(9, 1))).toBe(true);
  });

  it('knows months, and never', () => {
    expect(isDue(monthly, 0, at(1, 4))).toBe(true);
    expect(isDue(monthly, 0, at(8, 4))).toBe(false);
    expect(isDue({ every: 'never', hour: 3 }, 0, at(1, 4))).toBe(false);
  });

  it('tells the next time', () => {
    expect(nextSlot(weekly, at(8, 2))).toBe(at(8, 3));
    expect(nextSlot(weekly, at(8, 3))).toBe(at(15, 3));
    expect(nextSlot(monthly, at(8, 3))).toBe(new Date(2026, 6, 1, 3).getTime());
    expect(nextSlot({ every: 'never', hour: 3 }, at(8, 3))).toBeNull();
  });
});
