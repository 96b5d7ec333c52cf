import { describe, expect, it } from 'vitest';
import { type CopyLimit, UNLIMITED, WORKDAYS } from '../../../agent/protocol/limits.ts';
import { enteredLimit, limitCost, limitFrom, timetableOf } from './limit-form.ts';

const WORK: CopyLimit = { mibPerS: null, hours: { days: WORKDAYS, from: 8, to: 18, mibPerS: 5 } };

describe('the form for how fast copies are sent', () => {
  it.each<CopyLimit>([UNLIMITED, { mibPerS: 20, hours: null }, WORK])(
    'gives back what it began with: %j',
    (limit) => expect(limitFrom(enteredLimit(limit)).limit).toEqual(limit),
  );

  it('says at the field what cannot be', () => {
    const form = enteredLimit(WORK);
    expect(limitFrom({ ...form, rate: 'fast' })).toMatchObject({
      limit: null,
      rateProblem: expect.any(String),
    });
    expect(limitFrom({ ...form, rate: '0' }).rateProblem).toMatch(/between 1 and/);
    expect(limitFrom({ ...form, hoursRate: '20000' }).hoursRateProblem).toMatch(/between 1 and/);
    expect(limitFrom({ ...form, days: form.days.map(() => false) }).hoursProblem).toMatch(/no day/);
  });

  it('says when which limit holds, and what that costs', () => {
    expect(timetableOf(WORK)).toEqual([
      'Mon to Fri, 8:00 to 18:00: at 5 MiB/s at the most.',
      'Otherwise as fast as they go.',
    ]);
    expect(timetableOf(UNLIMITED)).toEqual([]);
    expect(limitCost(UNLIMITED)).toEqual([]);
    expect(limitCost(WORK).join(' ')).toMatch(/100 GiB take .* at 5 MiB\/s/);
  });
});
