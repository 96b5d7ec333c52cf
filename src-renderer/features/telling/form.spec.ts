import { expect, test } from 'vitest';
import { TELLING_DEFAULTS } from '../../../agent/protocol/telling.ts';
import type { TellingOverview } from '../../../src-main/contract/index.ts';
import { at, enteredTelling, tellingFrom } from './form.ts';

const none = { password: false, headerValue: false, signingKey: false };
const overview = (change: Partial<TellingOverview> = {}): TellingOverview => ({
  revision: null,
  settings: TELLING_DEFAULTS,
  has: none,
  hosts: [],
  messages: [],
  simulated: false,
  ...change,
});
const mail = {
  withMail: true,
  host: 'mail.example.org',
  from: 'u@example.org',
  to: 'ada@example.org; bob@example.org',
};

test('a form that nobody touched says what is so, and offers this computer its own zone at first', () => {
  const first = enteredTelling(overview(), 'Europe/Berlin');
  expect(tellingFrom(first, none).order).toEqual({
    settings: { ...TELLING_DEFAULTS, zone: 'Europe/Berlin' },
    secrets: {},
  });
  const settings = { ...TELLING_DEFAULTS, quiet: { from: '23:00', to: '06:30' }, zone: 'UTC' };
  const later = enteredTelling(overview({ revision: { n: 1, mark: 'a' }, settings }), 'Europe/Berlin');
  expect(tellingFrom(later, none).order?.settings).toEqual(settings);
});

test('receivers are separated, secrets that are empty stay, others are given or forgotten', () => {
  const form = {
    ...enteredTelling(overview(), 'UTC'),
    ...mail,
    user: 'ada',
    password: 'hunter2',
    forgetSigningKey: true,
  };
  expect(tellingFrom(form, none).order).toMatchObject({
    settings: { mail: { port: 587, tls: 'starttls', to: ['ada@example.org', 'bob@example.org'] } },
    secrets: { password: 'hunter2', signingKey: '' },
  });
  expect(tellingFrom({ ...form, password: '' }, none).order?.secrets).not.toHaveProperty('password');
});

test('what is wrong is said at its field', () => {
  const form = { ...enteredTelling(overview(), 'UTC'), ...mail };
  const wrongAt = (change: object, has = none) => tellingFrom({ ...form, ...change }, has).problem?.field;
  expect(wrongAt({ port: 'x' })).toBe('port');
  expect(wrongAt({ to: '' })).toBe('to');
  expect(wrongAt({ mostPerHour: '' })).toBe('mostPerHour');
  // The kept password counts as well.
  expect(wrongAt({ tls: 'none', user: 'ada' })).toBeUndefined();
  expect(wrongAt({ tls: 'none', user: 'ada' }, { ...none, password: true })).toBe('tls');
  expect(wrongAt({ withMail: false, port: 'x' })).toBeUndefined();
  const { problem } = tellingFrom({ ...form, withHook: true, url: 'x' }, none);
  expect(at(problem, 'url')).toContain('https://');
  expect(at(problem, 'host')).toBeNull();
});
