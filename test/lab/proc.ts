import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of processes; all at once, so that nothing changes in between. Gone: empty, or null. */

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

export const commandLine = (pid: number): string[] => read(`/proc/${pid}/cmdline`).split('\0');
export const commandName = (pid: number): string => read(`/proc/${pid}/comm`).trimEnd();
export const controlGroups = (pid: number): string => read(`/proc/${pid}/cgroup`);

export function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Fields of stat(5) after the name: [0] is the state, [19] the start in ticks since boot. */
const fields = (text: string): string[] => text.slice(text.lastIndexOf(')') + 2).split(' ');

/** State letters of all threads, in one string: `S`, `R`, `D`, `T`, `t`, `Z`, `X`. */
export function threadStates(pid: number): string {
  let names: string[] = [];
  try {
    names = readdirSync(`/proc/${pid}/task`);
  } catch {
    return '';
  }
  return names.map((name) => fields(read(`/proc/${pid}/task/${name}/stat`))[0] ?? '').join('');
}

/** Stopped threads execute nothing, neither do those that have ended; a thread in D may go on any moment. */
export const executes = (states: string): boolean => /[^TtZXx]/.test(states);

const TICK_MS = 10;

/** Ticks since boot at which the process started; with its pid it names the process for good. */
export function startTicks(pid: number): number | null {
  const ticks = fields(read(`/proc/${pid}/stat`))[19];
  return ticks === undefined ? null : Number(ticks);
}

/** CLOCK_BOOTTIME in ms, on a machine that was never suspended. */
export const bootMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Unix milliseconds of a start. */
export const startedAt = (ticks: number): number => Math.round(Date.now() - bootMs() + ticks * TICK_MS);

/** Pid as seen in the innermost namespace the process lives in. */
export const innerPid = (pid: number): number =>
  Number(/^NSpid:.*?(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? Number.NaN);
