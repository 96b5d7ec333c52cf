import { existsSync, statfsSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hostFolder } from './host.ts';
import { must } from './run.ts';
import type { Lab } from './running-lab.ts';

/** File systems of their own for what may fill up: the agent's state, and the images of guests and replicas. */
const VOLUMES = {
  state: { path: '/var/lib/understudy', size: '64M' },
  images: { path: '/var/lib/libvirt/images', size: '6G' },
} as const;
export type Volume = keyof typeof VOLUMES;

const BALLAST = '.ballast';

/** Moves both folders onto volumes of their own. The host must be off; `down` takes them away. */
export async function giveVolumes(lab: Lab, host: string): Promise<void> {
  for (const [name, { path, size }] of Object.entries(VOLUMES)) {
    const image = join(hostFolder(lab.places, host), `${name}.img`);
    if (existsSync(image)) continue;
    const place = lab.pathOn(host, path);
    const aside = join(hostFolder(lab.places, host), `${name}.mnt`);
    await must(['truncate', '--size', size, image]);
    await must(['mke2fs', '-q', '-F', '-t', 'ext4', '-m', '0', '-J', 'size=4', image]);
    await mkdir(aside, { recursive: true });
    await mkdir(place, { recursive: true });
    await must(['mount', '-o', 'loop', image, aside]);
    await must(['cp', '-a', '--sparse=always', `${place}/.`, aside]);
    await must(['umount', aside]);
    await must(['mount', '-o', 'loop', image, place]);
  }
}

/** Leaves not one free block. */
export async function fillVolume(lab: Lab, host: string, volume: Volume): Promise<void> {
  const place = lab.pathOn(host, VOLUMES[volume].path);
  const { bavail, bsize } = statfsSync(place);
  const ballast = await open(join(place, BALLAST), 'a');
  try {
    if (bavail > 0) await must(['fallocate', '-l', String(bavail * bsize), ballastOf(place)]).catch(() => {});
    // What fallocate could not reach, block by block.
    await ballast.appendFile(Buffer.alloc(1024 * bsize));
    await ballast.appendFile(Buffer.alloc(1024 * bsize));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await ballast.close();
  }
}

const ballastOf = (place: string): string => join(place, BALLAST);

export async function freeVolume(lab: Lab, host: string, volume: Volume): Promise<void> {
  await rm(ballastOf(lab.pathOn(host, VOLUMES[volume].path)), { force: true });
}

export const freeBytes = (lab: Lab, host: string, volume: Volume): number => {
  const { bavail, bsize } = statfsSync(lab.pathOn(host, VOLUMES[volume].path));
  return bavail * bsize;
};
