import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readOptions } from './options.ts';

test.each([
  ['linux', {}, join(homedir(), '.local', 'share', 'understudy')],
  ['linux', { XDG_DATA_HOME: '/x' }, join('/x', 'understudy')],
  ['darwin', {}, join(homedir(), 'Library', 'Application Support', 'Understudy')],
  ['win32', { APPDATA: '/roaming' }, join('/roaming', 'Understudy')],
  ['linux', { XDG_DATA_HOME: '/x', UNDERSTUDY_DATA: '/own' }, '/own'],
] as const)('data on %s with %j lies in %s', (platform, environment, dataDir) => {
  expect(readOptions([], environment, platform).dataDir).toBe(dataDir);
});

test('flags, with or without an equals sign', () => {
  const args = ['--headless', '--practice', '--port=7000', '--data-dir', '/d', '--reason=no display'];
  expect(readOptions(args, { UNDERSTUDY_DATA: '/own' }, 'linux')).toEqual({
    practice: true,
    port: 7000,
    dataDir: '/d',
    reason: 'no display',
  });
  expect(readOptions([], {}, 'linux')).toMatchObject({ practice: false, port: 0, reason: '' });
});

test.each(['x', '70000', '-1', '1.5'])('the port "%s" is refused by name', (port) => {
  expect(() => readOptions([`--port=${port}`], {}, 'linux')).toThrow(`not "${port}"`);
});

test('an unknown flag is refused', () => {
  expect(() => readOptions(['--frobnicate'], {}, 'linux')).toThrow(/frobnicate/);
});
