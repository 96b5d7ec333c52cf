import { expect, test } from 'vitest';
import { systemClock } from '../system-clock.ts';
import { Admission } from './admission.ts';

function desk() {
  const lines: string[] = [];
  let now = 0;
  const clock = { ...systemClock, bootMs: () => now };
  const admission = new Admission(clock, (_level, text) => void lines.push(text));
  const pass = (ms: number) => {
    now += ms;
  };
  return { admission, lines, pass };
}

test('one address holds only so many places, leaves the others theirs, and gets its own back', () => {
  const { admission } = desk();
  const leave = Array.from({ length: 8 }, () => admission.enter('10.0.0.1'));
  expect(leave.every((entered) => entered !== null)).toBe(true);
  expect(admission.enter('10.0.0.1')).toBeNull();
  expect(admission.enter('10.0.0.2')).not.toBeNull();
  leave[0]?.();
  leave[0]?.();
  expect(admission.enter('10.0.0.1')).not.toBeNull();
  expect(admission.enter('10.0.0.1')).toBeNull();
});

test('a flood from everywhere is bounded as a whole', () => {
  const { admission } = desk();
  const entered = Array.from({ length: 200 }, (_unused, n) => admission.enter(`10.0.1.${n}`));
  expect(entered.filter((each) => each !== null)).toHaveLength(64);
});

test('each address is logged once a minute', () => {
  const { admission, lines, pass } = desk();
  for (let n = 0; n < 5; n += 1) admission.turnedAway('10.0.0.1', 'no certificate');
  admission.turnedAway('10.0.0.2', 'no certificate');
  expect(lines).toHaveLength(2);
  pass(60_000);
  admission.turnedAway('10.0.0.1', 'no certificate');
  expect(lines).toHaveLength(3);
});
