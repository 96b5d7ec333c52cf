import { expect, it } from 'vitest';
import { host } from '../../src-main/contract/testing-fleet.ts';
import { skewOf } from './host-clock.ts';

it('tells a clock that goes wrong, and not what the road takes', () => {
  const skew = (clockAheadMs: number | null) => skewOf(host('atlas', { clockAheadMs }));
  expect([null, 0, 900, -1_500].map(skew)).toEqual([null, null, null, null]);
  expect(skew(4_000)).toBe('4 s ahead of this workstation');
  expect(skew(-3_600_000 * 2)).toBe('2 h behind this workstation');
});
