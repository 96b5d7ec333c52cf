import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keptBy } from './retention.ts';

const NONE = { last: 0, hourly: 0, daily: 0, weekly: 0 };
/** A Monday, midnight UTC. */
const MONDAY = Date.UTC(2026, 10, 23);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const at = (ms: number) => ({ id: String(ms), at: MONDAY + ms });
const kept = (times: number[], rule: Partial<typeof NONE>): number[] =>
  [...keptBy(times.map(at), { ...NONE, ...rule })].map(Number).sort((a, b) => a - b);

describe('which restore points a rule keeps', () => {
  it('keeps the newest ones', () => {
    expect(kept([0, MINUTE, 2 * MINUTE, 3 * MINUTE], { last: 2 })).toEqual([2 * MINUTE, 3 * MINUTE]);
  });

  it('keeps the newest of each of the last hours in which one was made', () => {
    const times = [0, 10 * MINUTE, HOUR, HOUR + MINUTE, 5 * HOUR];
    expect(kept(times, { hourly: 2 })).toEqual([HOUR + MINUTE, 5 * HOUR]);
  });

  it('keeps the newest of each day, and of each week from Monday on', () => {
    const times = [-1, 0, DAY - 1, DAY, 8 * DAY];
    expect(kept(times, { daily: 3 })).toEqual([DAY - 1, DAY, 8 * DAY]);
    expect(kept(times, { weekly: 3 })).toEqual([-1, DAY, 8 * DAY]);
  });

  it('lets one point stand for several rules', () => {
    expect(kept([0, HOUR], { last: 1, hourly: 1, daily: 1, weekly: 1 })).toEqual([HOUR]);
  });

  it('never gives up the newest, whatever the rule and whatever the order', () => {
    const count = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 60 * DAY }), { minLength: 1, maxLength: 60 }),
        fc.record({ last: count, hourly: count, daily: count, weekly: count }),
        (times, rule) => {
          const result = kept(times, rule);
          const most = Math.max(1, rule.last) + rule.hourly + rule.daily + rule.weekly;
          return result.includes(Math.max(...times)) && result.length <= most;
        },
      ),
    );
  });

  it('takes nothing away by being asked again, as points go', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 30 * DAY }), { minLength: 1, maxLength: 40 }),
        (times) => {
          const rule = { last: 3, hourly: 4, daily: 3, weekly: 2 };
          const once = kept(times, rule);
          return JSON.stringify(kept(once, rule)) === JSON.stringify(once);
        },
      ),
    );
  });
});
