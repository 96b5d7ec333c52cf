import { readFile } from 'node:fs/promises';

/** libvirt keeps the pid of each guest's QEMU here (qemuProcess in src/qemu/qemu_process.c). */
const PID_FOLDER = '/run/libvirt/qemu';
/** USER_HZ and the page size of Linux on x86-64, and of Debian's kernels for arm64. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

export interface GuestProcess {
  pid: number;
  /** Stopped by a signal: it neither serves nor writes. */
  frozen: boolean;
}

/**
 * The guest's QEMU process, without asking libvirt or QEMU; null when it does not run.
 * The pid is believed only when that process was started for this UUID.
 */
export async function findProcess(name: string, uuid: string): Promise<GuestProcess | null> {
  try {
    const pid = Number((await readFile(`${PID_FOLDER}/${name}.pid`, 'utf8')).trim());
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    if (words[words.indexOf('-uuid') + 1] !== uuid) return null;
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return { pid, frozen: /^State:\s+[Tt]/m.test(status) };
  } catch {
    return null;
  }
}

/** What a process has used so far; null when it is gone. */
export async function readUsage(
  pid: number,
): Promise<{ cpuMs: number; memoryBytes: number; writtenBytes: number } | null> {
  try {
    const fields = afterName(await readFile(`/proc/${pid}/stat`, 'utf8'));
    // proc(5): utime and stime are fields 14 and 15, rss (pages) is 24; the list here starts with field 3.
    const ticks = Number(fields[11]) + Number(fields[12]);
    // proc(5): what it had the kernel write to storage, page cache or not; what it sends is not in it.
    const written = /^write_bytes: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1];
    return {
      cpuMs: (ticks * 1000) / TICKS_PER_SECOND,
      memoryBytes: Number(fields[21]) * PAGE_BYTES,
      writtenBytes: Number(written ?? 0),
    };
  } catch {
    return null;
  }
}

/** Fields behind the program's name, which stands in brackets and may hold blanks itself. */
function afterName(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** False when there is no such process (any more). */
export function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
