import { expect, test } from 'vitest';
import type { Settings } from '../../contract/index.ts';
import { openStorage } from '../storage/storage.ts';
import { SettingsService } from './settings.ts';

test('settings have defaults, are kept, and are told to everybody', () => {
  const storage = openStorage(':memory:', () => 0);
  const told: Settings[] = [];
  const settings = new SettingsService(storage.settings, (change) => told.push(change));
  expect(settings.get()).toMatchObject({ theme: 'system' });
  expect(settings.get().operator).not.toBe('');
  settings.set({ theme: 'dark' });
  settings.set({ operator: '  ada ' });
  expect(new SettingsService(storage.settings, () => {}).get()).toEqual({
    theme: 'dark',
    operator: 'ada',
    newPairs: { policy: 'manual', profile: 'balanced', witness: null },
  });
  expect(told).toHaveLength(2);
  storage.close();
});

test('an empty name falls back to the log-in name, and a kept shape not understood to the defaults', () => {
  const storage = openStorage(':memory:', () => 0);
  const settings = new SettingsService(storage.settings, () => {});
  const before = settings.get();
  expect(settings.set({ operator: '   ' })).toEqual(before);
  storage.settings.put('console', { theme: 'pink' });
  expect(settings.get()).toEqual(before);
  storage.close();
});
