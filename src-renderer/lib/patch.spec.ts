import { expect, it } from 'vitest';
import { patched } from '../../src-main/contract/patch.ts';
import { fleet, host, pair, vm } from '../../src-main/contract/testing-fleet.ts';

it('a patch replaces what it names, removes what is null and leaves the rest as it is', () => {
  const machine = vm('atlas', 'mail');
  const before = fleet([host('atlas'), host('boreas')], [machine], [pair('mail', 'atlas', 'boreas')]);
  const after = patched(before, {
    hosts: { boreas: host('boreas', { name: 'renamed' }), cora: host('cora') },
    vms: { [machine.key]: null },
  });
  expect(Object.keys(after.hosts)).toEqual(['atlas', 'boreas', 'cora']);
  expect(after.hosts.boreas?.name).toBe('renamed');
  expect(after.hosts.atlas).toBe(before.hosts.atlas);
  expect(after.vms).toEqual({});
  expect(after.pairs).toBe(before.pairs);
  expect(Object.keys(before.vms)).toEqual([machine.key]);
});
