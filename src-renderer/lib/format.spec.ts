import { describe, expect, it } from 'vitest';
import { bytes, count, list, percent, rate, share } from './format.ts';

describe('numbers', () => {
  it('writes sizes in binary units, three digits at most', () => {
    expect([0, 512, 1536, 10 * 1024 ** 2, 2.16 * 1024 ** 3, 120 * 1024 ** 3].map(bytes)).toEqual([
      '0 bytes',
      '512 bytes',
      '1.5 KiB',
      '10 MiB',
      '2.16 GiB',
      '120 GiB',
    ]);
    expect(rate(381 * 1024 ** 2)).toBe('381 MiB/s');
  });

  it('says 100 % only when all is done', () => {
    expect([0, 0.626, 0.9999, 1, 1.2, -1].map(percent)).toEqual([
      '0 %',
      '62 %',
      '99 %',
      '100 %',
      '100 %',
      '0 %',
    ]);
    expect(share(5, 0)).toBe(0);
  });
});

describe('words', () => {
  it('lists names as a person would, and cuts long lists', () => {
    expect(list([])).toBe('');
    expect(list(['a'])).toBe('a');
    expect(list(['a', 'b', 'c'])).toBe('a, b and c');
    expect(list(['a', 'b', 'c', 'd', 'e'])).toBe('a, b and 3 more');
  });

  it('counts', () => {
    expect([count(1, 'machine'), count(0, 'machine'), count(2, 'copy', 'copies')]).toEqual([
      '1 machine',
      '0 machines',
      '2 copies',
    ]);
  });
});
