import { describe, expect, it } from 'vitest';
import { fleet, host, offline, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import { asTheyStand, filterMachines, machineRows, sortMachines } from './machines.ts';

const snapshot = fleet(
  [host('atlas'), host('boreas', { connection: offline })],
  [vm('atlas', 'web10'), vm('atlas', 'web9'), vm('boreas', 'files'), vm('boreas', 'web9', 'stopped')],
  [pair('web9', 'atlas', 'boreas')],
);

describe('the list of machines', () => {
  it('names every machine once, with its standby', () => {
    const rows = machineRows(snapshot);
    expect(rows.map((row) => row.name).sort()).toEqual(['files', 'web10', 'web9']);
    expect(rows.find((row) => row.name === 'web9')).toMatchObject({
      hostName: 'atlas',
      standbyName: 'boreas',
    });
  });

  it('shows no figures of a host that does not answer', () => {
    expect(machineRows(snapshot).find((row) => row.name === 'files')).toMatchObject({
      cpu: null,
      state: { word: 'no answer' },
    });
  });

  it('sorts by any column, numbers in names by value', () => {
    const rows = machineRows(snapshot);
    const order = (...how: [Parameters<typeof sortMachines>[1], boolean]): string[] =>
      sortMachines(rows, ...how).map((row) => row.name);
    expect(order('name', false)).toEqual(['files', 'web9', 'web10']);
    expect(order('name', true)).toEqual(['web10', 'web9', 'files']);
    expect(order('cpu', true).at(-1)).toBe('files');
  });

  it('finds by machine, host, standby or state', () => {
    const found = (text: string): string[] =>
      filterMachines(machineRows(snapshot), text)
        .map((row) => row.name)
        .sort();
    expect(found('WEB')).toEqual(['web10', 'web9']);
    expect(found('boreas')).toEqual(['files', 'web9']);
    expect(found('in sync')).toEqual(['web9']);
    expect(found('  ')).toHaveLength(3);
  });
});

it('rows stand where they stand while their figures change, and are sorted anew when others come', () => {
  const [mail, files] = sortMachines(
    machineRows(fleet([host('atlas')], [vm('atlas', 'files'), vm('atlas', 'mail')])),
    'name',
    true,
  );
  if (!mail || !files) throw new Error('two machines were expected');
  const keys = [mail.key, files.key];
  expect(asTheyStand(keys, [{ ...files, cpu: 0.9 }, mail])?.map(({ cpu }) => cpu)).toEqual([0.1, 0.9]);
  expect(asTheyStand(keys, [files])).toBeNull();
  expect(asTheyStand(keys, [files, { ...mail, key: 'another' }])).toBeNull();
});
