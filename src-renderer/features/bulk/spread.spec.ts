import { expect, it } from 'vitest';
import { at, fleet, host, offline, vm } from '../../../src-main/contract/testing-fleet.ts';
import { spread } from './spread.ts';

const GIB = 2 ** 30;
const roomy = (id: string, freeGiB: number, over = {}) =>
  host(id, { load: { cpu: 0, memoryBytes: 64 * GIB, memoryUsedBytes: (64 - freeGiB) * GIB, at }, ...over });
const machine = (hostId: string, name: string, gib: number) => {
  const view = vm(hostId, name);
  return { ...view, vm: { ...view.vm, memoryBytes: gib * GIB } };
};
const snapshot = fleet([
  roomy('atlas', 40),
  roomy('boreas', 20),
  roomy('cora', 10),
  roomy('gone', 60, { connection: offline }),
  host('pi', { role: 'witness' }),
]);
const where = (machines: ReturnType<typeof machine>[], chosen: string | null = null): string[] =>
  spread(machines, snapshot, chosen).map(({ view, standby }) => `${view.vm.name} ${standby}`);

it('takes the host with most room left, never the machine’s own and none that is silent', () => {
  expect(where([machine('atlas', 'a', 8), machine('atlas', 'b', 8), machine('atlas', 'c', 8)])).toEqual([
    'a boreas',
    'b boreas',
    'c cora',
  ]);
  expect(where([machine('boreas', 'x', 30)])).toEqual(['x atlas']);
});

it('lets the large ones choose first, and leaves out what fits nowhere', () => {
  expect(where([machine('atlas', 'small', 8), machine('atlas', 'large', 16)])).toEqual([
    'small cora',
    'large boreas',
  ]);
  expect(where([machine('atlas', 'huge', 50)])).toEqual(['huge null']);
});

it('a host that a person chose is for the checks to judge, but a machine is no standby of itself', () => {
  expect(where([machine('atlas', 'huge', 50), machine('cora', 'own', 1)], 'cora')).toEqual([
    'huge cora',
    'own null',
  ]);
});
