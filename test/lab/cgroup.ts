import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must, waitFor } from './run.ts';

/**
 * Every host lives in a control group of its own in every mounted hierarchy (v1 or v2). That gives exactly the
 * processes the lab started (also QEMU's, wherever libvirt puts them), the freezer, and no quarrel between two
 * hosts' libvirts about one group name.
 */
export interface HostGroup {
  lab: string;
  host: string;
}

interface Hierarchy {
  path: string;
  version: 1 | 2;
  controllers: string[];
}

async function hierarchies(): Promise<Hierarchy[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const found: Hierarchy[] = [];
  for (const line of mounts.split('\n')) {
    const [, path = '', type = '', options = ''] = line.split(' ');
    if (type === 'cgroup2') found.push({ path, version: 2, controllers: [] });
    if (type === 'cgroup') found.push({ path, version: 1, controllers: options.split(',') });
  }
  return found;
}

const labFolder = (hierarchy: Hierarchy, lab: string): string => join(hierarchy.path, `understudy-${lab}`);
const hostFolder = (hierarchy: Hierarchy, group: HostGroup): string =>
  join(labFolder(hierarchy, group.lab), group.host);

/**
 * Real-time run-time of each second. A group's children share what it has and refuse more, so this is enough for five
 * hosts a lab, and for three labs of the machine's 0.95 s. A guard needs about 4 ms (measured over 10 s).
 */
const LAB_REAL_TIME_US = 300_000;
const HOST_REAL_TIME_US = 60_000;

/** Makes the host's groups; returns the files into which a process writes its pid to join them. */
export async function makeGroups(group: HostGroup): Promise<string[]> {
  const joins: string[] = [];
  for (const hierarchy of await hierarchies()) {
    for (const [folder, realTimeUs] of [
      [labFolder(hierarchy, group.lab), LAB_REAL_TIME_US],
      [hostFolder(hierarchy, group), HOST_REAL_TIME_US],
    ] as const) {
      await mkdir(folder, { recursive: true });
      if (hierarchy.controllers.includes('cpuset')) await inheritCpuset(folder);
      // A new cpu group on cgroup v1 may run nothing in real time; the guard of an agent wants to.
      if (hierarchy.controllers.includes('cpu')) {
        await tryWrite(join(folder, 'cpu.rt_runtime_us'), String(realTimeUs));
      }
    }
    joins.push(join(hostFolder(hierarchy, group), 'cgroup.procs'));
  }
  return joins;
}

/** On v1 a new cpuset is empty and refuses processes until it is given CPUs and memory nodes. */
async function inheritCpuset(folder: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    await writeFile(join(folder, file), await readFile(join(folder, '..', file), 'utf8'));
  }
  await writeFile(join(folder, 'cgroup.clone_children'), '1');
}

async function tryWrite(file: string, text: string): Promise<void> {
  if (existsSync(file)) await writeFile(file, text).catch(() => {});
}

/** Pids of everything that runs in the host, QEMU and the container's own supervisor included. */
export async function pidsOf(group: HostGroup): Promise<number[]> {
  const pids = new Set<number>();
  for (const hierarchy of await hierarchies()) await collect(hostFolder(hierarchy, group), pids);
  return [...pids];
}

async function collect(folder: string, pids: Set<number>): Promise<void> {
  // A group may vanish while we walk: its processes are gone then, too.
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const line of text.split('\n')) if (line !== '' && line !== '0') pids.add(Number(line));
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await collect(join(folder, entry.name), pids);
}

interface Freezer {
  file: string;
  version: 1 | 2;
}

/** The v1 freezer where there is one, else v2's cgroup.freeze. Null when the host has no groups. */
async function freezer(group: HostGroup): Promise<Freezer | null> {
  const all = await hierarchies();
  const v1 = all.find((hierarchy) => hierarchy.controllers.includes('freezer'));
  const hierarchy = v1 ?? all.find((candidate) => candidate.version === 2);
  if (!hierarchy) return null;
  const file = join(
    hostFolder(hierarchy, group),
    hierarchy.version === 1 ? 'freezer.state' : 'cgroup.freeze',
  );
  return existsSync(file) ? { file, version: hierarchy.version } : null;
}

/**
 * Stops or continues all processes of the host at once. Unlike SIGSTOP and SIGCONT this leaves alone what something
 * inside the host has stopped itself.
 */
export async function setFrozen(group: HostGroup, frozen: boolean): Promise<void> {
  const found = await freezer(group);
  if (!found) throw new Error(`${group.host} has no freezer group: is it powered on?`);
  const word = found.version === 1 ? (frozen ? 'FROZEN' : 'THAWED') : frozen ? '1' : '0';
  await writeAtOnce(found.file, word);
  await waitFor(`${group.host} ${frozen ? 'frozen' : 'thawed'}`, 10_000, () => isSettled(found, frozen), 10);
}

/**
 * The kernel goes through the host's processes one by one while it writes: ahead of everything else, or on a busy machine one of
 * them would run for long before the next (a guest before its guard), which no real host does that wakes.
 */
async function writeAtOnce(file: string, word: string): Promise<void> {
  const write = ['sh', '-c', 'echo "$2" >"$1"', 'sh', file, word];
  await must(['chrt', '--fifo', '60', ...write]);
}

async function isSettled(found: Freezer, frozen: boolean): Promise<boolean> {
  if (found.version === 1) {
    return (await readFile(found.file, 'utf8')).trim() === (frozen ? 'FROZEN' : 'THAWED');
  }
  const events = await readFile(join(found.file, '..', 'cgroup.events'), 'utf8');
  return events.includes(`frozen ${frozen ? 1 : 0}`);
}

export async function isFrozen(group: HostGroup): Promise<boolean> {
  const found = await freezer(group);
  if (!found) return false;
  const text = (await readFile(found.file, 'utf8')).trim();
  return found.version === 1 ? text !== 'THAWED' : text === '1';
}

/** Removes the host's groups (all its processes must have ended), and the lab's when they were the last. */
export async function removeGroups(group: HostGroup): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    await removeTree(hostFolder(hierarchy, group));
    await rmdir(labFolder(hierarchy, group.lab)).catch(() => {});
  }
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  // The kernel needs a moment to let go of a group whose last process has just died; what stays is harmless.
  await waitFor(`${folder} removed`, 2_000, () => rmdir(folder).then(isGone, isGone), 20).catch(() => {});
  function isGone(): boolean {
    return !existsSync(folder);
  }
}
