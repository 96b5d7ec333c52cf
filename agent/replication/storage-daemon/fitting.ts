import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { syncPath } from '../../journal/durable-file.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { ImagePrint, ReplicaDisk } from '../replication.ts';
import { createImage } from './images.ts';

const run = promisify(execFile);

const ImageInfo = v.object({ format: v.string(), 'virtual-size': v.number() });

/** See `ReplicaTarget.sizes`. */
export async function sizesOf(disks: ReplicaDisk[]): Promise<Record<string, number | null>> {
  const sizes = await Promise.all(disks.map(async (disk) => [disk.target, await sizeOf(disk)] as const));
  return Object.fromEntries(sizes);
}

async function sizeOf({ path, format }: ReplicaDisk): Promise<number | null> {
  try {
    // A raw image's content says nothing of its format; one that is to be qcow2 and is not, cannot be read as that.
    const argv = ['info', '-U', '-f', format, '--output=json', path];
    const { stdout } = await run('qemu-img', argv);
    const info = v.safeParse(ImageInfo, JSON.parse(stdout));
    return info.success ? info.output['virtual-size'] : null;
  } catch {
    return null;
  }
}

/** See `ReplicaTarget.fit`; the images are closed. */
export async function fitAll(disks: ReplicaDisk[], host: string): Promise<Result<void>> {
  const sizes = await sizesOf(disks);
  for (const disk of disks) {
    const size = sizes[disk.target] ?? null;
    if (size !== null && size >= disk.sizeBytes) continue;
    const fitted = size === null ? await createImage(disk, host) : await grow(disk, host);
    if (!fitted.ok) return fitted;
  }
  return ok(undefined);
}

async function grow({ path, format, sizeBytes }: ReplicaDisk, host: string): Promise<Result<void>> {
  try {
    await run('qemu-img', ['resize', '-q', '-f', format, path, String(sizeBytes)]);
    await syncPath(path);
    return ok(undefined);
  } catch (error) {
    return fail({
      kind: 'image-not-made',
      message: `The image ${path} could not be enlarged on ${host} (${error instanceof Error ? error.message : String(error)}).`,
      next: 'See that its file system has space and is writable, then start the copy again.',
    });
  }
}

/** See `ReplicaTarget.prints`. */
export async function printsOf(paths: string[]): Promise<Record<string, ImagePrint | null>> {
  const prints = await Promise.all(paths.map(async (path) => [path, await printOf(path)] as const));
  return Object.fromEntries(prints);
}

async function printOf(path: string): Promise<ImagePrint | null> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(path);
    return { file: `${dev}:${ino}`, sizeBytes: size, writtenMs: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
