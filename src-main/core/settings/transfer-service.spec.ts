import { beforeEach, expect, it } from 'vitest';
import type { Problem } from '../../../agent/protocol/index.ts';
import { openStorage } from '../storage/storage.ts';
import { hostRecord } from '../testing/fake-link.ts';
import { SettingsService } from './settings.ts';
import { TransferService } from './transfer-service.ts';

function console(hosts = [hostRecord('atlas')]) {
  const { settings: table } = openStorage(':memory:', () => 0);
  const settings = new SettingsService(table, () => undefined);
  const offered: Problem[] = [];
  const report = (problem: Problem): void => void offered.push(problem);
  return {
    settings,
    offered,
    transfer: new TransferService({ settings, hosts: () => hosts, now: () => 0, report }),
  };
}

let old: ReturnType<typeof console>;
beforeEach(() => {
  old = console([hostRecord('atlas'), hostRecord('boreas')]);
  old.settings.set({ theme: 'dark', operator: 'ada' });
});

it('a new console takes the settings over, and offers the hosts it does not know', () => {
  const { name, text } = old.transfer.export();
  expect(name).toBe('understudy-settings-1970-01-01.json');
  const fresh = console();
  expect(fresh.transfer.preview(text).hosts).toEqual([{ name: 'boreas', address: 'boreas.lan' }]);
  expect(fresh.settings.get().theme).toBe('system');
  expect(fresh.transfer.import(text)).toMatchObject({ theme: 'dark', operator: 'ada' });
  expect(fresh.settings.get()).toEqual(old.settings.get());
  expect(fresh.offered).toMatchObject([{ kind: 'fleet-member-unknown', details: { address: 'boreas.lan' } }]);
});

it('a file that is none changes nothing and offers nobody', () => {
  const fresh = console();
  const before = fresh.settings.get();
  expect(() => fresh.transfer.import('{"kind":"understudy-settings","version":1}')).toThrow(
    /cannot be a setting/,
  );
  expect(fresh.settings.get()).toEqual(before);
  expect(fresh.offered).toEqual([]);
});
