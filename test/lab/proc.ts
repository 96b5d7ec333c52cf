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

/** Flag of stat(5): the thread is on its way out and never comes back to its program. */
const EXITING = 0x4;
/** SIGKILL in a signal mask of status(5). */
const KILLED = 1n << 8n;

/** A thread with SIGKILL pending wakes only to end, also out of a stop. */
function isKilled(pid: number, thread: string): boolean {
  const pending = /^SigPnd:\s+([0-9a-f]+)$/m.exec(read(`/proc/${pid}/task/${thread}/status`))?.[1];
  return pending !== undefined && (BigInt(`0x${pending}`) & KILLED) !== 0n;
}

/** State letters of all threads, in one string: `S`, `R`, `D`, `T`, `t`, `Z`, and `X` for those that are ending. */
export function threadStates(pid: number): string {
  let names: string[] = [];
  try {
    names = readdirSync(`/proc/${pid}/task`);
  } catch {
    return '';
  }
  const look = (name: string): string[] => fields(read(`/proc/${pid}/task/${name}/stat`));
  const isEnding = (found: string[]): boolean => (Number(found[6]) & EXITING) !== 0;
  const letter = (name: string): string => {
    const found = look(name);
    const state = found[0] ?? '';
    if (isEnding(found)) return 'X';
    // First pending, then taken and under way: looked at in this order, one of the two shows.
    return executes(state) && (isKilled(pid, name) || isEnding(look(name))) ? 'X' : state;
  };
  return names.map(letter).join('');
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
