import type { StoredPair } from '../store.ts';

/** Images are made in whole sectors, whatever the machine's file is, bytes. */
const SECTOR = 512;

/** How the images of a copy fit what its machine's disks are now; `other`: one that was made is missing, or is none. */
export type Fit = 'same' | 'grown' | 'smaller' | 'other';

export function fitOf(
  sizes: Record<string, number | null>,
  { spec, notes }: Pick<StoredPair, 'spec' | 'notes'>,
): Fit {
  const made = spec.disks.filter(({ target }) => !notes.unmade?.includes(target));
  if (made.length === 0 || made.some(({ target }) => sizes[target] == null)) return 'other';
  const apart = spec.disks.map(({ target, sizeBytes }) => (sizes[target] ?? 0) - sizeBytes);
  if (apart.some((bytes) => bytes >= SECTOR)) return 'smaller';
  const same = apart.every((bytes) => bytes > -SECTOR);
  return same ? 'same' : 'grown';
}
