import type { PairSpec } from '../../protocol/index.ts';
import type { KeptPair, LocalNotes } from '../store.ts';

/**
 * What a host notes when the machine it keeps a copy of has other disks by a newer description: the image of one that was
 * taken out is kept aside for a person, since its machine may have been the only other place of it; one that came has none yet.
 */
export function withOtherDisks(kept: KeptPair, next: PairSpec, self: string, now: number): LocalNotes {
  const { notes, spec } = kept;
  if (notes.image === 'none') return notes;
  const wanted = new Set(next.disks.map(({ target }) => target));
  const known = new Set(spec.disks.map(({ target }) => target));
  const taken = spec.disks.filter(({ target }) => !wanted.has(target));
  const came = next.disks.filter(({ target }) => !known.has(target)).map(({ target }) => target);
  if (taken.length === 0 && came.length === 0) return notes;
  const aside = taken.flatMap(({ paths }): LocalNotes['aside'] => {
    const path = paths[self];
    return path === undefined ? [] : [{ path, keep: true, since: now }];
  });
  const unmade = [...(notes.unmade ?? []).filter((target) => wanted.has(target)), ...came];
  return { ...notes, aside: [...notes.aside, ...aside], unmade, generation: null, prints: null };
}
