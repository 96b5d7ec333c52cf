import { describe, expect, it } from 'vitest';
import { at, fleet, host, offline, vm } from '../../../src-main/contract/testing-fleet.ts';
import { hogs, shareOf } from './share.ts';

const GIB = 2 ** 30;
const loaded = (cpu: number, usedGiB: number) => ({
  load: { cpu, memoryUsedBytes: usedGiB * GIB, memoryBytes: 64 * GIB, at },
});
const machine = (hostId: string, name: string, cpu: number, usedGiB = 1) => {
  const view = vm(hostId, name);
  return { ...view, vm: { ...view.vm, cpu, memoryUsedBytes: usedGiB * GIB } };
};

describe('a machine’s share of its host', () => {
  it('is of all cores, and of all memory', () => {
    expect(shareOf(machine('a', 'x', 0.25, 16), host('a', loaded(0.5, 32)))).toEqual({
      cpu: 0.25,
      memory: 0.25,
    });
  });

  it('counts the memory it may use where what it uses is not told, and is not known without the host’s', () => {
    expect(shareOf(machine('a', 'x', 0, 0), host('a', loaded(0, 8))).memory).toBe(1 / 64);
    expect(shareOf(machine('a', 'x', 0), host('a')).memory).toBeNull();
  });
});

describe('a hog', () => {
  const two = [machine('a', 'x', 0.55, 10), machine('a', 'y', 0.3, 50)];

  it('takes most of a host that is full, of what it is full of', () => {
    expect(hogs(fleet([host('a', loaded(0.9, 20))], two)).get('a')).toMatchObject({
      ...{ name: 'x', of: 'cpu', share: 0.55 },
    });
    expect(hogs(fleet([host('a', loaded(0.4, 60))], two)).get('a')).toMatchObject({
      name: 'y',
      of: 'memory',
    });
  });

  it('is none while there is room, when the load is shared, or when nobody hears the host', () => {
    expect(hogs(fleet([host('a', loaded(0.7, 20))], two)).size).toBe(0);
    const even = [machine('a', 'x', 0.4), machine('a', 'y', 0.44)];
    expect(hogs(fleet([host('a', loaded(0.95, 20))], even)).size).toBe(0);
    expect(hogs(fleet([host('a', { ...loaded(0.95, 20), connection: offline })], two)).size).toBe(0);
  });
});
