import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Cut } from './network.ts';
import type { GuestPlan, HostPlan, Places } from './places.ts';
import { waitFor } from './run.ts';

/** What the lab must remember between two commands. What runs is never read from here but from the kernel. */
export interface LabState {
  hosts: HostPlan[];
  guests: GuestPlan[];
  /** Folders of the images this lab stands on, lowest layer last. */
  layers: { hypervisor: string[]; witness: string[] };
  /** Passwords of `root` and of `admin` (sudo) on every host of this lab. */
  password: string;
  cuts: Cut[];
}

const stateFile = (places: Places): string => join(places.state, 'state.json');
export const keyFile = (places: Places): string => join(places.state, 'id_ed25519');

export async function readState(places: Places): Promise<LabState | null> {
  if (!existsSync(stateFile(places))) return null;
  return JSON.parse(await readFile(stateFile(places), 'utf8')) as LabState;
}

export async function writeState(places: Places, state: LabState): Promise<void> {
  await mkdir(places.state, { recursive: true, mode: 0o700 });
  const next = `${stateFile(places)}.next`;
  await writeFile(next, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(next, stateFile(places));
}

/** One command at a time may change a lab. */
export const withLock = <T>(places: Places, work: () => Promise<T>): Promise<T> =>
  locked(`${places.state}.lock`, work);

/** One process at a time; a lock left by a dead one is taken over. */
export async function locked<T>(file: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  await waitFor(`the lab's lock ${file}`, 600_000, () => tryLock(file), 200);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function tryLock(file: string): Promise<boolean> {
  const handle = await open(file, 'wx').catch(() => null);
  if (handle) {
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  }
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner > 0 && !existsSync(`/proc/${owner}`)) await rm(file, { force: true });
  return false;
}
