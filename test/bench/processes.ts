import { readdir, readFile, stat } from 'node:fs/promises';
import type { Lab } from '../lab/lab.ts';

/** USER_HZ, proc(5). */
const TICKS_PER_SECOND = 100;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
export const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** Pids, as this machine counts them, of everything the agent's units run in the host. */
export async function agentPids(lab: Lab, host: string): Promise<number[]> {
  const root = await stat(lab.pathOn(host, '/opt/understudy'));
  const found: number[] = [];
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const words = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const isOurs = words.includes('/opt/understudy/') || words.includes('/run/understudy/');
    if (!isOurs) continue;
    const seen = await stat(`/proc/${name}/root/opt/understudy`).catch(() => null);
    if (seen?.dev === root.dev && seen.ino === root.ino) found.push(Number(name));
  }
  return found;
}

/** How many other processes run the same file as an agent: they would make its share of memory look small. */
export async function sharers(pids: number[]): Promise<number> {
  const kinds = await Promise.all(pids.map(kindOf));
  const own = await stat(`/proc/${pids[kinds.indexOf('agent')]}/exe`);
  let count = 0;
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const seen = await stat(`/proc/${name}/exe`).catch(() => null);
    if (seen?.ino === own.ino && seen.dev === own.dev && !pids.includes(Number(name))) count += 1;
  }
  return count;
}

/** Proportional set size of one process, MiB (proc(5), smaps_rollup). */
export async function pssMiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024;
}

async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Share of one core over the given time, percent. */
export async function cpuPercent(pids: number[], seconds: number): Promise<number> {
  return sum(await cpuPercents(pids, seconds));
}

/** The same for each of them. */
export async function cpuPercents(pids: number[], seconds: number): Promise<number[]> {
  const used = (): Promise<number[]> => Promise.all(pids.map(cpuSeconds));
  const before = await used();
  const start = performance.now();
  await pause(seconds * 1000);
  const spent = (performance.now() - start) / 1000;
  const after = await used();
  return after.map((each, index) => (each - (before[index] ?? 0)) * (100 / spent));
}

export async function processName(pid: number): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').filter(Boolean);
  return words.at(-1)?.startsWith('-') ? (words[0] ?? '') : [words[0], words.at(-1)].join(' ');
}

/** What a product's process is; `other` is a helper that has just been started. */
export type Kind = 'agent' | 'guard' | 'forwarder' | 'storage' | 'other';

export async function kindOf(pid: number): Promise<Kind> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').filter(Boolean);
  if (words[0] === '/opt/understudy/guard') return 'guard';
  if (words[0]?.endsWith('/qemu-storage-daemon')) return 'storage';
  if (words.at(-1) === 'forwarder') return 'forwarder';
  return words.at(-1) === 'run' ? 'agent' : 'other';
}
