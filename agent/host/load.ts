import { readFile } from 'node:fs/promises';
import type { Clock } from '../ports.ts';
import type { HostLoad } from '../protocol/index.ts';

/** Clock ticks of all cores since boot. */
export interface CpuTicks {
  busy: number;
  all: number;
}

/** The host's load; `cpu` covers the time since the sample before (since boot at the first). */
export function loadReader(clock: Clock): () => Promise<HostLoad> {
  let before: CpuTicks = { busy: 0, all: 0 };
  return async () => {
    const [stat, meminfo] = await Promise.all([
      readFile('/proc/stat', 'utf8'),
      readFile('/proc/meminfo', 'utf8'),
    ]);
    const now = parseCpuTicks(stat);
    const cpu = cpuShare(before, now);
    before = now;
    return { cpu, ...parseMemory(meminfo), at: clock.now() };
  };
}

/** First line of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal. Guest time is within user. */
export function parseCpuTicks(stat: string): CpuTicks {
  const [, ...fields] = (stat.split('\n')[0] ?? '').trim().split(/\s+/);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    fields.map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, all: busy + idle + iowait };
}

/** Share of all cores in use between two readings, 0..1. */
export function cpuShare(before: CpuTicks, now: CpuTicks): number {
  const all = now.all - before.all;
  if (all <= 0) return 0;
  return Math.min(1, Math.max(0, (now.busy - before.busy) / all));
}

/** In use is what is not available: caches that can be dropped do not count (proc(5), MemAvailable). */
export function parseMemory(meminfo: string): { memoryUsedBytes: number; memoryBytes: number } {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const memoryBytes = bytes('MemTotal');
  return { memoryBytes, memoryUsedBytes: memoryBytes - bytes('MemAvailable') };
}
