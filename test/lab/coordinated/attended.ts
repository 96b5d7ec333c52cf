import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReplicationMode } from '../../../agent/protocol/index.ts';
import { must } from '../run.ts';
import type { Lab } from '../running-lab.ts';
import { moveDisks, putProgram } from './storage.ts';

/** Machines of a protected fleet whose copy somebody else keeps: their disks on one storage that both hosts reach. */

export type Keeper = 'shared' | 'external';

/** Where both hosts have the storage. */
export const SAN = '/srv/san';
/** Disks of two machines, and of an external one those that were fenced. */
const SIZE = '8G';

/**
 * A volume of its own, since an external storage fences by what ext4 alone refuses, and a lab's folder with such files in it could
 * not be deleted. It goes with the hosts' roots (host.ts, `removeHost`).
 */
async function mountSan(lab: Lab, hosts: readonly string[]): Promise<void> {
  const [first = '', ...others] = hosts;
  const image = join(lab.places.state, 'san.img');
  if (existsSync(image)) return;
  await Promise.all(hosts.map((host) => lab.powerOff(host)));
  await must(['truncate', '--size', SIZE, image]);
  await must(['mke2fs', '-q', '-F', '-t', 'ext4', '-m', '0', image]);
  for (const host of hosts) await mkdir(lab.pathOn(host, SAN), { recursive: true });
  await must(['mount', '-o', 'loop', image, lab.pathOn(first, SAN)]);
  for (const host of others) await must(['mount', '--bind', lab.pathOn(first, SAN), lab.pathOn(host, SAN)]);
  await Promise.all(hosts.map((host) => lab.powerOn(host)));
}

/** Puts the machines' disks onto such a storage; their guests are started anew. */
export async function ontoSan(
  lab: Lab,
  hosts: readonly string[],
  machines: Readonly<Record<string, Keeper>>,
): Promise<void> {
  if (Object.keys(machines).length === 0) return;
  await mountSan(lab, hosts);
  for (const host of hosts) await putProgram(lab, host, 'array.sh');
  for (const [machine, keeper] of Object.entries(machines)) {
    const { home } = lab.guest(machine);
    await moveDisks(lab, machine, home, SAN);
    if (keeper === 'shared') continue;
    await sayOfArray(lab, home, 'in-sync');
    await writeFile(lab.pathOn(home, `${SAN}/${machine}.primary`), `${home}\n`);
  }
}

/** What the array answers from now on, on both hosts. */
export const sayOfArray = (lab: Lab, host: string, line: string): Promise<void> =>
  writeFile(lab.pathOn(host, `${SAN}/state`), `${line}\n`);

/** How such a machine is protected; `hostIds`: of both hosts. */
export function attendedMode(keeper: Keeper, machine: string, hostIds: readonly string[]): ReplicationMode {
  if (keeper === 'shared') return { kind: 'shared' };
  const verb = (name: string): string[] => ['/usr/local/sbin/array.sh', name, SAN, machine];
  const commands = { state: verb('state'), promote: verb('promote'), demote: verb('demote') };
  return {
    kind: 'external',
    synchronous: true,
    everyS: 1,
    commands: Object.fromEntries(hostIds.map((id) => [id, commands])),
  };
}
