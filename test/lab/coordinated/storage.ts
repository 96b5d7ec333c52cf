import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailed, must, waitFor } from '../run.ts';
import type { Lab } from '../running-lab.ts';

/** Folders that both hosts of a lab reach, as they would reach an NFS server: the same files, and locks between them. */
const SHARED = ['/srv/shared', '/srv/relay', '/srv/array'] as const;
const IMAGES = '/var/lib/libvirt/images';
const HERE = import.meta.dirname;

/** Mounts them in both hosts, which are off for a moment; they stay over a loss of power, and go with the lab. */
export async function mountBoth(lab: Lab, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) await lab.powerOff(host);
  for (const place of SHARED) {
    const folder = folderOf(lab, place);
    await mkdir(folder, { recursive: true });
    for (const host of hosts) {
      const at = lab.pathOn(host, place);
      await mkdir(at, { recursive: true });
      await must(['mount', '--bind', folder, at]);
    }
  }
  await Promise.all(hosts.map((host) => lab.powerOn(host)));
}

export const folderOf = (lab: Lab, place: (typeof SHARED)[number]): string =>
  join(lab.places.state, 'shared', place.replaceAll('/', '_'));

/** Puts an executable of this folder onto a host. */
export async function putProgram(lab: Lab, host: string, name: 'replica.sh' | 'array.sh'): Promise<string> {
  const path = `/usr/local/sbin/${name}`;
  const text = await readFile(join(HERE, name), 'utf8');
  await mkdir(lab.pathOn(host, '/usr/local/sbin'), { recursive: true });
  await writeFile(lab.pathOn(host, path), text, { mode: 0o755 });
  return path;
}

/** The machine's disks from now on lie in that folder: moved while it is off, and started again. */
export async function moveDisks(lab: Lab, machine: string, host: string, folder: string): Promise<void> {
  // Past its sshd, which may not be there yet: the host has just booted.
  const sh = async (script: string): Promise<void> => {
    const said = await lab.exec(host, ['sh', '-c', script]);
    if (said.code !== 0) throw new CommandFailed([host, script], said);
  };
  await sh(
    `virsh -q destroy ${machine} 2>/dev/null; mkdir -p ${folder}; mv ${IMAGES}/${machine}-vd?.qcow2 ${folder}/`,
  );
  await sh(
    `virsh dumpxml --inactive ${machine} | sed 's,${IMAGES}/${machine}-vd,${folder}/${machine}-vd,' > /root/${machine}.xml && virsh -q define /root/${machine}.xml && virsh -q start ${machine}`,
  );
  if (!(await lab.firstAnswer(machine, 90_000))) throw new Error(`${machine} gives no answer from ${folder}`);
}

/** Files of another host's own at the same paths, which look the same. */
export async function lookAlike(lab: Lab, machine: string, from: string, to: string): Promise<void> {
  for (const target of ['vda', 'vdb']) {
    const path = `${IMAGES}/${machine}-${target}.qcow2`;
    await cp(lab.pathOn(from, path), lab.pathOn(to, path));
  }
}

/** A unit of systemd copies the machine again and again, as somebody's replication would. Resolves after the first copy. */
export async function replicate(lab: Lab, machine: string, host: string): Promise<void> {
  const loop = `while :; do /usr/local/sbin/replica.sh copy ${machine}; sleep 2; done`;
  await must(lab.sshCommand(host, ['--', `systemd-run -q --unit=lab-replica sh -c '${loop}'`]));
  await waitFor('a first copy', 60_000, async () => (await newestCopy(lab, machine)) !== null);
}

/** When the newest complete copy was begun, Unix ms; null before the first. */
export async function newestCopy(lab: Lab, machine: string): Promise<number | null> {
  const file = join(folderOf(lab, '/srv/relay'), machine, 'last', 'at');
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : Number(text) * 1_000;
}
