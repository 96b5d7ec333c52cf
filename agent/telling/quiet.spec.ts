import { expect, test } from 'vitest';
import { TELLING_DEFAULTS, type TellingSettings, tellingProblem } from '../protocol/index.ts';
import { clockTime, isQuiet } from './quiet.ts';

const at = (text: string): number => Date.parse(text);
const quiet = (from: string, to: string, zone = 'UTC') => ({ quiet: { from, to }, zone });

test.each([
  ['22:00', '07:00', 'UTC', '2026-11-30T21:59:59Z', false],
  ['22:00', '07:00', 'UTC', '2026-11-30T22:00:00Z', true],
  ['22:00', '07:00', 'UTC', '2026-11-30T00:00:00Z', true],
  ['22:00', '07:00', 'UTC', '2026-11-30T06:59:59Z', true],
  ['22:00', '07:00', 'UTC', '2026-11-30T07:00:00Z', false],
  ['12:30', '13:30', 'UTC', '2026-11-30T13:00:00Z', true],
  ['12:30', '13:30', 'UTC', '2026-11-30T00:00:00Z', false],
  // Summer and winter time of the zone, not of the host.
  ['22:00', '07:00', 'Europe/Berlin', '2026-07-01T20:30:00Z', true],
  ['22:00', '07:00', 'Europe/Berlin', '2026-12-01T20:30:00Z', false],
])('quiet from %s to %s (%s): %s is %s', (from, to, zone, now, expected) => {
  expect(isQuiet(quiet(from, to, zone), at(now))).toBe(expected);
});

test('without quiet hours nothing is held; times of another day name it', () => {
  expect(isQuiet({ quiet: null, zone: 'UTC' }, 0)).toBe(false);
  const now = at('2026-11-30T00:10:00Z');
  expect(clockTime(at('2026-11-30T00:02:00Z'), now, 'UTC')).toBe('00:02');
  expect(clockTime(at('2026-11-29T23:58:00Z'), now, 'UTC')).toBe('29 Nov 23:58');
  expect(clockTime(at('2026-11-29T23:58:00Z'), now, 'Europe/Berlin')).toBe('00:58');
});

const MAIL = {
  host: 'mail.example.org',
  port: 587,
  tls: 'starttls' as const,
  user: '',
  from: 'u@example.org',
  to: ['ada@example.org'],
};
const HOOK = { url: 'https://chat.example.org/hook', header: '' };

test.each<[Partial<TellingSettings>, string | null]>([
  [{ mail: MAIL, hook: HOOK }, null],
  [{ mail: { ...MAIL, host: 'mail example' } }, 'host'],
  [{ mail: { ...MAIL, port: 70_000 } }, 'port'],
  [{ mail: { ...MAIL, from: 'u@example.org\r\nBcc: x@example.org' } }, 'from'],
  [{ mail: { ...MAIL, to: [] } }, 'to'],
  [{ mail: { ...MAIL, to: ['ada@example.org', 'bob'] } }, 'to'],
  [{ mail: { ...MAIL, tls: 'none', user: 'ada' } }, 'tls'],
  [{ mail: { ...MAIL, ca: '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----' } }, 'ca'],
  [{ mail: { ...MAIL, ca: '-----BEGIN CERTIFICATE-----\nabc=\n-----END CERTIFICATE-----\n' } }, null],
  [{ hook: { ...HOOK, url: 'ftp://x' } }, 'url'],
  [{ hook: { ...HOOK, url: 'https://ada:secret@chat.example.org/' } }, 'url'],
  [{ hook: { ...HOOK, header: 'X: y' } }, 'header'],
  [{ hook: { ...HOOK, header: 'Host' } }, 'header'],
  [{ zone: 'Mars/Olympus' }, 'zone'],
  [{ quiet: { from: '25:00', to: '07:00' } }, 'quietFrom'],
  [{ quiet: { from: '07:00', to: '07:00' } }, 'quietTo'],
  [{ mostPerHour: 0 }, 'mostPerHour'],
  [{ unprotectedMinutes: 1.5 }, 'unprotectedMinutes'],
])('settings %j: wrong at %s', (change, field) => {
  const problem = tellingProblem({ ...TELLING_DEFAULTS, ...change }, { password: true });
  expect(problem?.field ?? null).toBe(field);
});
