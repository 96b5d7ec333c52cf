import { expect, it } from 'vitest';
import { steady } from './steady.ts';

const entry = (label: string, reason?: string) => ({
  ...{ href: '#/', label, kind: 'order', detail: '' },
  ...(reason === undefined ? {} : { reason }),
});
const labels = (of: { label: string }[]): string[] => of.map(({ label }) => label);

it('what can be done now only does not jump up past what was shown', () => {
  const shown = [entry('mail'), entry('Fail over mail…', 'atlas answers')];
  const found = [entry('Fail over mail…'), entry('mail')];
  const then = steady(shown, found);
  expect(labels(then)).toEqual(['mail', 'Fail over mail…']);
  expect(then[1]).not.toHaveProperty('reason');
});

it('what is new comes below, what is gone leaves', () => {
  expect(labels(steady([entry('a'), entry('b')], [entry('new'), entry('b')]))).toEqual(['b', 'new']);
});
