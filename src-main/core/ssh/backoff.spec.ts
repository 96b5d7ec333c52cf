import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const MINUTE = 60_000;

describe('back-off', () => {
  it('doubles from one second, up to eight while the host has not been away for long, and thirty after', () => {
    const waits = (awayMs: number) =>
      [1, 2, 3, 4, 5, 6, 7].map((failures) => backoffMs(failures, awayMs, () => 1));
    expect(waits(MINUTE)).toEqual([1000, 2000, 4000, 8000, 8000, 8000, 8000]);
    expect(waits(60 * MINUTE)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('never leaves its bounds, however long it goes on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.integer({ min: 0, max: 1e12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, away, random) => {
          const wait = backoffMs(failures, away, () => random);
          expect(wait).toBeGreaterThanOrEqual(750);
          expect(wait).toBeLessThanOrEqual(30_000);
        },
      ),
    );
  });
});
