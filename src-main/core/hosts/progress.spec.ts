import { expect, test } from 'vitest';
import { byPercent } from './progress.ts';

test('a step is told when it begins, and again with each percent', () => {
  const told: [string, number | null][] = [];
  const tell = byPercent((...word) => told.push(word));
  tell('Prepare', null);
  tell('Prepare', null);
  for (let done = 0; done <= 1_000; done++) tell('Send', 0.1 + done / 10_000);
  tell('Start', 0.2);
  expect(told[0]).toEqual(['Prepare', null]);
  expect(told.filter(([step]) => step === 'Send').length).toBeGreaterThan(9);
  expect(told.filter(([step]) => step === 'Send').length).toBeLessThan(13);
  expect(told.at(-1)).toEqual(['Start', 0.2]);
});
