import { execFile } from 'node:child_process';
import { mkdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { syncPath } from '../../journal/durable-file.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk } from '../replication.ts';

/** An empty image needs little; less free space than this and the first copied clusters would not fit. */
const LEAST_FREE_BYTES = 64 * 1024 * 1024;

/** Makes an empty image of the disk's size and format. Problem kinds: `standby-disk-full`, `image-not-made`. */
export async function createImage(disk: ReplicaDisk, host: string): Promise<Result<void>> {
  try {
    await mkdir(dirname(disk.path), { recursive: true });
    const space = await statfs(dirname(disk.path));
    if (space.bavail * space.bsize < Math.min(LEAST_FREE_BYTES, disk.sizeBytes)) {
      return fail(diskFull(host, disk.path));
    }
    await run('qemu-img', ['create', '-q', '-f', disk.format, disk.path, String(disk.sizeBytes)]);
    await syncPath(dirname(disk.path));
    return ok(undefined);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    if (/ENOSPC|No space left/i.test(cause)) return fail(diskFull(host, disk.path));
    return fail({
      kind: 'image-not-made',
      message: `The image ${disk.path} could not be made on ${host} (${cause}).`,
      next: 'See that the directory exists and is writable for root on that host, then try again.',
    });
  }
}

/**
 * Makes an empty qcow2 overlay over a replica that the storage daemon has open: its size is told, not read.
 * Problem kinds as `createImage`.
 */
export async function createOverlay(path: string, over: ReplicaDisk, host: string): Promise<Result<void>> {
  try {
    const space = await statfs(dirname(path));
    const wanted = Math.min(LEAST_FREE_BYTES, over.sizeBytes);
    if (space.bavail * space.bsize < wanted) return fail(diskFull(host, path));
    const backing = ['-b', over.path, '-F', over.format];
    await run('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', ...backing, path, String(over.sizeBytes)]);
    return ok(undefined);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    if (/ENOSPC|No space left/i.test(cause)) return fail(diskFull(host, path));
    return fail({
      kind: 'image-not-made',
      message: `The overlay ${path} could not be made on ${host} (${cause}).`,
      next: 'See that the directory is writable for root on that host, then try again.',
    });
  }
}

/**
 * Makes an empty qcow2 layer over an image that may be open (its size is told, not read), or over nothing.
 * Problem kinds as `createImage`.
 */
export function createLayer(disk: ReplicaDisk, over: string | null, host: string): Promise<Result<void>> {
  if (over === null) return createImage({ ...disk, format: 'qcow2' }, host);
  return createOverlay(disk.path, { ...disk, path: over, format: 'qcow2' }, host);
}

/** Says of a layer that it lies on another file, which reads alike. */
export async function rebase(layer: string, onto: string): Promise<void> {
  await run('qemu-img', ['rebase', '-q', '-u', '-f', 'qcow2', '-b', onto, '-F', 'qcow2', layer]);
}

/** Whatever anybody has written to the image is on stable storage when it resolves: fsync(2) is about the file, not its writer. */
export async function settleImage(path: string): Promise<Result<void>> {
  try {
    await syncPath(path);
    return ok(undefined);
  } catch (error) {
    return fail({
      kind: 'image-not-settled',
      message: `What was written to ${path} may not be on disk (${error instanceof Error ? error.message : String(error)}).`,
      next: 'Look at that disk. Both sides are compared instead, by itself.',
    });
  }
}

/** Renames what lies at `path` out of the way; null when nothing did. */
export async function setAside(path: string, tag: string): Promise<string | null> {
  try {
    await stat(path);
  } catch {
    return null;
  }
  let aside = `${path}.${tag}`;
  for (let n = 2; await exists(aside); n += 1) aside = `${path}.${tag}-${n}`;
  await rename(path, aside);
  await syncPath(dirname(path));
  return aside;
}

/**
 * Puts a new image on top of the one at the disk's path, which is renamed aside: it reads alike and takes no room.
 * Interrupted between the two, the next call finds the place empty and goes on. @returns where the old one lies
 */
export async function layerImage(disk: ReplicaDisk, tag: string, host: string): Promise<Result<string>> {
  const aside = `${disk.path}.${tag}`;
  try {
    if (!(await exists(disk.path)) && (await exists(aside))) {
      await putOnTop(disk, aside);
      return ok(aside);
    }
    // An earlier call had come that far.
    if ((await exists(aside)) && (await backingOf(disk.path)) === aside) return ok(aside);
    const moved = await setAside(disk.path, tag);
    if (moved === null) throw new Error('there is no image');
    await putOnTop(disk, moved);
    return ok(moved);
  } catch (error) {
    return fail({
      kind: 'image-not-layered',
      message: `A new image on top of ${disk.path} could not be made on ${host} (${String(error)}).`,
      next: 'See that its file system has space and is writable, then start the copy again.',
      details: { path: disk.path },
    });
  }
}

/** The image that this one lies on; null when it lies on none. Throws when it cannot be read. */
export async function backingOf(path: string): Promise<string | null> {
  const text = await run('qemu-img', ['info', '-U', '-f', 'qcow2', '--output=json', path]);
  const info = v.parse(v.object({ 'backing-filename': v.optional(v.string()) }), JSON.parse(text));
  return info['backing-filename'] ?? null;
}

/** Made under another name first: what lies at the disk's path is never half an image. */
async function putOnTop(disk: ReplicaDisk, backing: string): Promise<void> {
  const made = `${disk.path}.new`;
  await rm(made, { force: true });
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', made]);
  await rename(made, disk.path);
  await syncPath(dirname(disk.path));
}

/** Bytes of a stat(2) block, whatever the file system's own are. */
const STAT_BLOCK = 512;

/** Bytes a file takes on its disk; 0 when there is none. */
export async function allocatedBytes(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  return found === null ? 0 : found.blocks * STAT_BLOCK;
}

/** Whether what these images take now, or so much of it, would fit once more, file system by file system. */
export async function roomBeside(paths: string[], atMostBytes = Number.POSITIVE_INFINITY): Promise<boolean> {
  const wanted = new Map<number, { path: string; bytes: number }>();
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (!found) continue;
    const sum = wanted.get(found.dev)?.bytes ?? LEAST_FREE_BYTES;
    wanted.set(found.dev, { path, bytes: sum + found.blocks * STAT_BLOCK });
  }
  for (const { path, bytes } of wanted.values()) {
    const space = await statfs(dirname(path));
    const needed = Math.min(bytes, LEAST_FREE_BYTES + atMostBytes);
    if (space.bavail * space.bsize < needed) return false;
  }
  return true;
}

export async function deleteImage(path: string): Promise<Result<void>> {
  try {
    await rm(path, { force: true });
    return ok(undefined);
  } catch (error) {
    return fail({
      kind: 'image-not-deleted',
      message: `The image ${path} could not be deleted (${String(error)}).`,
      next: 'Delete it by hand on the standby.',
    });
  }
}

export function diskFull(host: string, path: string): Problem {
  return {
    kind: 'standby-disk-full',
    message: `The disk of ${host} is full: there is no space left for ${path}.`,
    next: `Free space on ${host} where ${dirname(path)} lies, then start the copy again.`,
    details: { host, path },
  };
}

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** @returns what it printed */
export function run(
  command: string,
  args: string[],
  limitMs = 60_000,
  signal?: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: limitMs, ...(signal ? { signal } : {}) }, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message));
      else resolve(stdout);
    });
  });
}
