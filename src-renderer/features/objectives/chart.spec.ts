import { describe, expect, it } from 'vitest';
import type { HostedSample } from '../../../src-main/contract/index.ts';
import { chartOf, rowsOf, slots } from './chart.ts';

const MINUTE = 60_000;
const period = { from: 0, to: 10 * MINUTE, slotMs: MINUTE };
const sample = (minute: number, seconds: number | null, host = 'a', bytes: number | null = null) =>
  ({ at: minute * MINUTE, seconds, bytes, host }) satisfies HostedSample;

describe('the picture of what was at risk', () => {
  it('joins what looks alike, and leaves gaps where nobody watched', () => {
    const { bars, watched, worstS, noCopy } = chartOf(
      [sample(0, 0), sample(1, 0), sample(2, 30), sample(5, null), sample(6, null)],
      period,
      60,
    );
    expect(bars.map(({ x, width, noCopy: none }) => [x * 10, Math.round(width * 100) / 10, none])).toEqual([
      [0, 2, false],
      [2, 1, false],
      [5, 2, true],
    ]);
    expect([watched, worstS, noCopy]).toEqual([0.5, 30, 2]);
  });

  it('has the target in it, however small what was measured is', () => {
    const { target, mostS, bars } = chartOf([sample(0, 3)], period, 60);
    expect(target).toBeGreaterThan(0.5);
    expect(target).toBeLessThan(1);
    expect((bars[0]?.height ?? 0) * mostS).toBeCloseTo(3);
    expect(chartOf([], period, null)).toMatchObject({ target: null, bars: [], watched: 0 });
  });

  it('takes the worse of two hosts for one time, and nothing from outside of the period', () => {
    const both = [sample(1, 5, 'a', 10), sample(1, 9, 'b'), sample(10, 99)];
    expect(slots(both, period)).toEqual([sample(1, 9, 'a', 10)]);
    expect(slots([sample(1, 5), sample(1, null, 'b')], period)[0]?.seconds).toBeNull();
  });
});

it('is told as a table too: the worst of each step, newest first', () => {
  const rows = rowsOf([sample(0, 1), sample(1, 4), sample(7, 2)], period, 5 * MINUTE);
  expect(rows).toEqual([sample(5, 2), sample(0, 4)]);
});
