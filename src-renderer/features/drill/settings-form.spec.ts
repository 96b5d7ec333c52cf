import { expect, it } from 'vitest';
import { settingsFrom } from './settings-form.ts';

const entered = {
  kind: 'http',
  port: '8080',
  path: '/health',
  every: 'weekly',
  hour: 3,
  maxAge: '30',
} as const;

it('takes what fits', () => {
  expect(settingsFrom(entered).settings).toEqual({
    check: { kind: 'http', port: 8080, path: '/health' },
    every: 'weekly',
    hour: 3,
    maxAgeDays: 30,
  });
  expect(settingsFrom({ ...entered, kind: 'agent', port: 'x' }).settings?.check).toEqual({ kind: 'agent' });
});

it.each([
  [{ port: '0' }, 'portProblem'],
  [{ port: '70000' }, 'portProblem'],
  [{ path: 'health' }, 'pathProblem'],
  [{ maxAge: '' }, 'maxAgeProblem'],
] as const)('says at its field what is wrong (%o)', (change, field) => {
  const read = settingsFrom({ ...entered, ...change });
  expect(read.settings).toBeNull();
  expect(read[field]).toBeTruthy();
});
