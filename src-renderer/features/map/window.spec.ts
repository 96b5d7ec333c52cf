import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inView, OVERSCAN } from './window.ts';

it('draws what is in view and a little more, never what is not there', () => {
  expect(inView(0, 480, 48, 1_000)).toEqual({ from: 0, to: 10 + OVERSCAN });
  expect(inView(4_800, 480, 48, 1_000)).toEqual({ from: 100 - OVERSCAN, to: 110 + OVERSCAN });
  expect(inView(-300, 480, 48, 5)).toEqual({ from: 0, to: 5 });
  expect(inView(1e6, 480, 48, 5)).toEqual({ from: 5, to: 5 });
});

it('every row that touches the view is drawn, and never more than fit with the overscan', () => {
  const whole = { top: fc.integer({ min: -500, max: 50_000 }), height: fc.integer({ min: 1, max: 2_000 }) };
  fc.assert(
    fc.property(whole.top, whole.height, fc.integer({ min: 0, max: 2_000 }), (top, height, count) => {
      const { from, to } = inView(top, height, 48, count);
      const touching = Array.from({ length: count }, (_, row) => row).filter(
        (row) => row * 48 < top + height && (row + 1) * 48 > top,
      );
      const drawn = touching.every((row) => row >= from && row < to);
      return drawn && to - from <= Math.ceil(height / 48) + 2 * OVERSCAN + 1;
    }),
  );
});
