import { fail, ok, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk } from '../replication.ts';
import { takePlaceOf } from './chain.ts';
import { createImage, deleteImage, layerImage, setAside, settleImage } from './images.ts';

/** The image files of one replica, all of its disks, while nobody has them open. */

/** Empty ones; what lies in their way is renamed aside. @returns its new names */
export const createAll = (
  disks: ReplicaDisk[],
  asideTag: string,
  host: string,
): Promise<Result<{ aside: string[] }>> =>
  asideOf(disks, async (disk) => {
    const moved = await putAside(disk, asideTag, host);
    if (!moved.ok) return moved;
    const made = await createImage(disk, host);
    return made.ok ? moved : made;
  });

/** New ones on top of those that are there, which are renamed aside. @returns their new names */
export const layerAll = (
  disks: ReplicaDisk[],
  asideTag: string,
  host: string,
): Promise<Result<{ aside: string[] }>> => asideOf(disks, (disk) => layerImage(disk, asideTag, host));

/** One disk after the other, up to the first that fails. `make` gives the new name of what was in its way; null: nothing was. */
async function asideOf(
  disks: ReplicaDisk[],
  make: (disk: ReplicaDisk) => Promise<Result<string | null>>,
): Promise<Result<{ aside: string[] }>> {
  const aside: string[] = [];
  for (const disk of disks) {
    const made = await make(disk);
    if (!made.ok) return made;
    if (made.value !== null) aside.push(made.value);
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
