import { readdir, readFile } from 'node:fs/promises';

/** A process and all that it started, by /proc/PID/stat (proc(5)). */
export async function family(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (text !== '') parents.set(Number(name), Number(fields[1]));
  }
  const found = [root];
  for (const parent of found)
    for (const [pid, of] of parents) if (of === parent && !found.includes(pid)) found.push(pid);
  return found;
}

/** Proportional set size of all of them, MiB: what is shared is counted once (proc(5), smaps_rollup). */
export async function familyMiB(root: number): Promise<number> {
  let kib = 0;
  for (const pid of await family(root)) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    kib += Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
  }
  return kib / 1024;
}

/** The value below which this share (0..1) of them lies; nearest rank. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
