import { expect, it, test } from 'vitest';
import { ProblemError } from '../../../agent/protocol/index.ts';
import type { Settings } from '../../contract/index.ts';
import { hostRecord } from '../testing/fake-link.ts';
import { merged, preview, readSettingsFile, settingsFile } from './transfer.ts';

const HERE: Settings = {
  theme: 'system',
  operator: 'ada',
  newPairs: { policy: 'manual', profile: 'balanced', witness: null },
};
const THERE: Settings = {
  theme: 'dark',
  operator: 'ada',
  newPairs: { policy: 'automatic', profile: 'fast', witness: 'h-cora' },
  shortcuts: false,
  desktop: 'urgent',
};
const HOSTS = [hostRecord('atlas'), hostRecord('cora')];

it('comes back as it went, with where the hosts are', () => {
  const file = readSettingsFile(settingsFile(HERE, HOSTS, 0));
  expect(merged(file, { ...HERE, theme: 'dark' })).toEqual(HERE);
  expect(file.hosts.map(({ name, address, user }) => [name, address, user])).toEqual([
    ['atlas', 'atlas.lan', 'root'],
    ['cora', 'cora.lan', 'root'],
  ]);
});

it('holds nothing secret, whatever settings and hosts may carry', () => {
  const settings = { ...HERE, smtpPassword: 'hunter2', token: 'hunter2' } as Settings;
  const host = { ...hostRecord('atlas'), password: 'hunter2', machineId: 'm-1' };
  const text = settingsFile(settings, [host], 0);
  expect(text).not.toMatch(/hunter2|password|token|machineId/i);
});

it('says what would change, and which hosts are new', () => {
  const text = settingsFile(THERE, HOSTS, 0);
  const { changes, hosts } = preview(readSettingsFile(text), HERE, [hostRecord('cora')]);
  expect(changes).toContainEqual({ setting: 'theme', from: 'system', to: 'dark' });
  expect(changes).toContainEqual({ setting: 'witness', from: '', to: 'cora' });
  expect(changes).toContainEqual({ setting: 'shortcuts', from: 'on', to: 'off' });
  expect(changes).toContainEqual({ setting: 'desktop', from: 'all', to: 'urgent' });
  expect(changes.map(({ setting }) => setting)).not.toContain('operator');
  expect(hosts).toEqual([{ name: 'atlas', address: 'atlas.lan' }]);
});

it('that says the same changes nothing', () => {
  expect(preview(readSettingsFile(settingsFile(HERE, HOSTS, 0)), HERE, HOSTS)).toEqual({
    changes: [],
    hosts: [],
  });
});

test.each([
  ['no JSON', 'theme: dark', /holds no JSON/],
  ['another program’s', '{"theme":"dark"}', /not saved by Understudy/],
  ['of a newer version', '{"kind":"understudy-settings","version":9}', /newer Understudy/],
  [
    'a value that cannot be',
    settingsFile(HERE, [], 0).replace('"system"', '"pink"'),
    /cannot be a setting \(settings\.theme\)/,
  ],
])('%s is refused, and nothing is changed', (_what, text, why) => {
  const read = () => readSettingsFile(text);
  expect(read).toThrow(ProblemError);
  expect(read).toThrow(why);
});
