import { describe, expect, it } from 'vitest';
import { absolute, ago, clock, dayOf, duration, remaining, span } from './time.ts';

const now = new Date(2026, 0, 5, 14, 2, 3).getTime();
const DAY = 86_400_000;

describe('times', () => {
  it('grow coarser with distance', () => {
    expect([0, 12_000, 89_000, 240_000, 3 * 3_600_000, 3 * DAY].map((ms) => ago(now - ms, now))).toEqual([
      'just now',
      '12 s ago',
      '89 s ago',
      '4 min ago',
      '3 h ago',
      '3 days ago',
    ]);
    expect(ago(now + 8_000, now)).toBe('in 8 s');
  });

  it('carry their date when it is not today', () => {
    expect(clock(now, now)).toBe('14:02:03');
    expect(clock(now - DAY, now)).toBe('4 Jan, 14:02:03');
    expect(absolute(now)).toMatch(/^2026-01-05 14:02:03 UTC[+−]\d\d:\d\d$/);
  });

  it('name the day', () => {
    const words = { today: 'Today', yesterday: 'Yesterday' };
    expect([0, DAY, 5 * DAY, 400 * DAY].map((ms) => dayOf(now - ms, now, words))).toEqual([
      'Today',
      'Yesterday',
      '31 Dec 2025',
      '1 Dec 2024',
    ]);
  });

  it('measure what took a while', () => {
    expect([850, 12_400, 65_000, 7_800_000].map(duration)).toEqual([
      '0.8 s',
      '12 s',
      '1 min 05 s',
      '2 h 10 min',
    ]);
    expect(remaining(2)).toBe('a few seconds left');
    expect(remaining(262)).toBe('about 4 min left');
    expect(span(-5)).toBe('0 s');
  });
});
