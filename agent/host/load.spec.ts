import { describe, expect, it } from 'vitest';
import { cpuShare, parseCpuTicks, parseMemory } from './load.ts';

const STAT = 'cpu  100 10 50 800 20 5 5 10 40 0\ncpu0 50 5 25 400 10 2 3 5 20 0\n';

describe('host load', () => {
  it('counts ticks, guest time not twice', () => {
    expect(parseCpuTicks(STAT)).toEqual({ busy: 180, all: 1000 });
  });

  it('takes an old kernel’s shorter line', () => {
    expect(parseCpuTicks('cpu  1 2 3 4\n')).toEqual({ busy: 6, all: 10 });
  });

  it('is the share between two readings', () => {
    expect(cpuShare({ busy: 100, all: 1000 }, { busy: 150, all: 1200 })).toBe(0.25);
    expect(cpuShare({ busy: 100, all: 1000 }, { busy: 100, all: 1000 })).toBe(0);
    expect(cpuShare({ busy: 100, all: 1000 }, { busy: 90, all: 1100 })).toBe(0);
  });

  it('counts memory as used that is not available', () => {
    expect(parseMemory('MemTotal:       1000 kB\nMemFree:  100 kB\nMemAvailable:    600 kB\n')).toEqual({
      memoryBytes: 1_024_000,
      memoryUsedBytes: 409_600,
    });
  });
});
