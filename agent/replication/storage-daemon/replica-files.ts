import { fail, ok, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk } from '../replication.ts';
import { takePlaceOf } from './chain.ts';
import { createImage, deleteImage, layerImage, setAside, settleImage } from './images.ts';

/** The image files of one replica, all of its disks, while nobody has them open. */

/** Empty ones; what lies in their way is renamed aside. @returns its new names */
export async function createAll(
  disks: ReplicaDisk[],
  asideTag: string,
  host: string,
): Promise<Result<{ aside: string[] }>> {
  const aside: string[] = [];
  for (const disk of disks) {
    const moved = await putAside(disk, asideTag, host);
    if (!moved.ok) return moved;
    if (moved.value !== null) aside.push(moved.value);
    const made = await createImage(disk, host);
    if (!made.ok) return made;
  }
  return ok({ aside });
}

/** New ones on top of those that are there, which are renamed aside. @returns their new names */
export async function layerAll(
  disks: ReplicaDisk[],
  asideTag: string,
  host: string,
): Promise<Result<{ aside: string[] }>> {
  const aside: string[] = [];
  for (const disk of disks) {
    const layered = await layerImage(disk, asideTag, host);
    if (!layered.ok) return layered;
    aside.push(layered.value);
  }
  return ok({ aside });
}

/** Those that were put aside take the places of what was made on top of them. */
export async function putBackAll(
  disks: ReplicaDisk[],
  under: Record<string, string>,
  host: string,
): Promise<Result<void>> {
  for (const disk of disks) {
    const back = await takePlaceOf(disk, under[disk.target] ?? '', host);
    if (!back.ok) return back;
  }
  return ok(undefined);
}

export async function settleAll(disks: ReplicaDisk[]): Promise<Result<void>> {
  const settled = await Promise.all(disks.map(({ path }) => settleImage(path)));
  return settled.find((one) => !one.ok) ?? ok(undefined);
}

export async function deleteAll(paths: string[]): Promise<Result<void>> {
  for (const path of paths) {
    const deleted = await deleteImage(path);
    if (!deleted.ok) return deleted;
  }
  return ok(undefined);
}

async function putAside(disk: ReplicaDisk, tag: string, host: string): Promise<Result<string | null>> {
  try {
    return ok(await setAside(disk.path, tag));
  } catch (error) {
    return fail({
      kind: 'image-in-the-way',
      message: `The file ${disk.path} on ${host} could not be renamed (${String(error)}).`,
      next: 'Move it away by hand, then try again.',
    });
  }
}
