import { describe, expect, it } from 'vitest';
import type { PointMode } from '../../protocol/index.ts';
import { againMs, alarmOf, periodMs, restMs, tooShort } from './schedule.ts';

const retention = { last: 1, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: PointMode = { kind: 'interval', everyS: 60, retention };
const ASYNC: PointMode = { kind: 'async', rpoS: 20 };

describe('when points are made', () => {
  it('at the interval, from beginning to beginning; several times within what may be lost', () => {
    expect(periodMs(INTERVAL)).toBe(60_000);
    expect(periodMs(ASYNC)).toBe(5_000);
    expect(periodMs({ kind: 'async', rpoS: 8 })).toBe(2_000);
    expect(periodMs({ kind: 'async', rpoS: 3_600 })).toBe(5_000);
    expect(restMs(INTERVAL, 10_000)).toBe(50_000);
  });

  it('leaves the guest alone for a moment, however long they take, and tells that', () => {
    expect(restMs(INTERVAL, 90_000)).toBe(250);
    expect(tooShort(INTERVAL, 90_000)).toBe(true);
    expect(tooShort(INTERVAL, 59_000)).toBe(false);
    expect(tooShort(ASYNC, 90_000)).toBe(false);
  });

  it('tries again soon, then more seldom, and no more seldom than it would anyhow', () => {
    const waits = [1, 2, 3, 20].map((failures) => againMs(INTERVAL, failures));
    expect(waits).toEqual([2_000, 4_000, 8_000, 30_000]);
    expect(againMs(ASYNC, 20)).toBe(5_000);
  });

  it('sounds the alarm before too much is at risk', () => {
    expect(alarmOf(ASYNC, null, 100_000)).toBeNull();
    expect(alarmOf(ASYNC, 100_000, 115_000)).toBeNull();
    expect(alarmOf(ASYNC, 100_000, 117_000)).toBe('near');
    expect(alarmOf(ASYNC, 100_000, 121_000)).toBe('missed');
    expect(alarmOf(INTERVAL, 0, 71_000)).toBeNull();
    expect(alarmOf(INTERVAL, 0, 91_000)).toBe('missed');
  });
});
