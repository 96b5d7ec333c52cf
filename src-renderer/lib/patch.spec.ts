import { expect, it } from 'vitest';
import { applyPatch } from './patch.ts';
import { fleet, host, pair, vm } from './testing-fleet.ts';

it('a patch replaces what it names, removes what is null and leaves the rest alone', () => {
  const machine = vm('atlas', 'mail');
  const snapshot = fleet([host('atlas'), host('boreas')], [machine], [pair('mail', 'atlas', 'boreas')]);
  const untouched = snapshot.hosts.atlas;
  applyPatch(snapshot, {
    hosts: { boreas: host('boreas', { name: 'renamed' }), cora: host('cora') },
    vms: { [machine.key]: null },
  });
  expect(Object.keys(snapshot.hosts)).toEqual(['atlas', 'boreas', 'cora']);
  expect(snapshot.hosts.boreas?.name).toBe('renamed');
  expect(snapshot.hosts.atlas).toBe(untouched);
  expect(snapshot.vms).toEqual({});
  expect(Object.keys(snapshot.pairs)).toEqual(['pair-mail']);
});
