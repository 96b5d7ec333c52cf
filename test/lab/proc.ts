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

/** PF_EXITING of include/linux/sched.h; SIGKILL in the masks of /proc/PID/status (proc(5)). */
const EXITING = 0x4;
const SIGKILL_BIT = 1n << 8n;

/**
 * A thread that was sent SIGKILL never returns to its program, though it is seen running while it ends: the kernel gives
 * every thread of the group its own pending SIGKILL, and takes it away only in favour of PF_EXITING.
 */
function dies(pid: number, thread: string, stat: string[]): boolean {
  if ((Number(stat[6]) & EXITING) !== 0) return true;
  const pending = /^SigPnd:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/task/${thread}/status`))?.[1];
  return pending !== undefined && (BigInt(`0x${pending}`) & SIGKILL_BIT) !== 0n;
}

/** State letters of all threads, in one string: `S`, `R`, `D`, `T`, `t`, `Z`, `X`; one that is being killed counts as `X`. */
export function threadStates(pid: number): string {
  let names: string[] = [];
  try {
    names = readdirSync(`/proc/${pid}/task`);
  } catch {
    return '';
  }
  return names
    .map((name) => {
      const stat = fields(read(`/proc/${pid}/task/${name}/stat`));
      const state = stat[0] ?? '';
      return executes(state) && dies(pid, name, stat) ? 'X' : state;
    })
    .join('');
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
