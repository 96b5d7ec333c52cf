import { readFile } from 'node:fs/promises';
import type { Lab } from './lab.ts';
import { places } from './places.ts';

/** The self-tests have a lab of their own, so that one which somebody works with is left alone. */
export const PLACES = places('selftest');

/** Pids, as the host sees them, of the QEMU processes that run on it. */
export async function guestProcesses(lab: Lab, host: string): Promise<string[]> {
  const found = await lab.exec(host, ['pgrep', '-f', 'qemu-system-x86_64 -name guest=']);
  return found.stdout.split('\n').filter(Boolean);
}

/** A process that has ended may be listed until its parent has asked for its status. */
export async function lives(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^State:\s+[^ZX]/m.test(status);
}
