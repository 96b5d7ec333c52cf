import { rm } from 'node:fs/promises';
import { syncPath } from '../../journal/durable-file.ts';
import { ok, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk } from '../replication.ts';
import { commit, standOnNothing } from './chain.ts';
import { backingOf, rebase } from './images.ts';
import type { Manifest, Manifests } from './manifest.ts';

/**
 * Gives up points of a chain: the one above is written into the files of the one given up, and takes them over. Until that is
 * done every other point reads as before, so it may be broken off at any moment, and is begun anew.
 */
export class GivingUp {
  readonly #ports: { readonly hostName: string; manifests: Manifests };
  readonly #under = new Map<string, AbortController>();

  constructor(ports: { readonly hostName: string; manifests: Manifests }) {
    this.#ports = ports;
  }

  /** Not the newest: nothing lies above that. Nobody may have the chain open. */
  async drop(pairId: string, disks: ReplicaDisk[], id: string): Promise<Result<void>> {
    const finished = await this.finish(pairId, disks);
    if (!finished.ok) return finished;
    const manifest = this.#ports.manifests.get(pairId);
    const at = manifest.points.findIndex((point) => point.id === id);
    const [given, above] = [manifest.points[at], manifest.points[at + 1]];
    if (!given || !above) return ok(undefined);
    await this.#ports.manifests.write({
      ...manifest,
      points: manifest.points.filter((point) => point.id !== id),
      merging: { id: above.id, into: given.files },
    });
    return this.finish(pairId, disks);
  }

  /** What was begun of it, and not done. Repeatable from wherever it was cut short. */
  async finish(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    const manifest = this.#ports.manifests.get(pairId);
    if (manifest.merging === null) return ok(undefined);
    const abort = new AbortController();
    this.#under.set(pairId, abort);
    try {
      return await this.#merge(manifest, manifest.merging, disks, abort.signal);
    } finally {
      this.#under.delete(pairId);
    }
  }

  /** These layers take over what they still read from below, and lie on nothing any more. Broken off, it is begun anew. */
  async standAlone(pairId: string, layers: string[]): Promise<Result<void>> {
    const abort = new AbortController();
    this.#under.set(pairId, abort);
    try {
      for (const layer of layers) {
        if ((await backingOf(layer)) === null) continue;
        const alone = await standOnNothing(layer, abort.signal);
        if (!alone.ok) return alone;
        await syncPath(layer);
      }
      return ok(undefined);
    } finally {
      this.#under.delete(pairId);
    }
  }

  breakOff(pairId: string): void {
    this.#under.get(pairId)?.abort();
  }

  async #merge(
    manifest: Manifest,
    merging: NonNullable<Manifest['merging']>,
    disks: ReplicaDisk[],
    signal: AbortSignal,
  ): Promise<Result<void>> {
    const { points } = manifest;
    const at = points.findIndex(({ id }) => id === merging.id);
    const [point, next] = [points[at], points[at + 1]];
    for (const { target } of point ? disks : []) {
      const [upper, lower, above] = [point?.files[target], merging.into[target], next?.files[target]];
      if (upper === undefined || lower === undefined) continue;
      const merged = await commit(upper, this.#ports.hostName, signal);
      if (!merged.ok) return merged;
      if (above !== undefined) await rebase(above, lower);
      await syncPath(lower);
    }
    const kept = points.map((one) => (one.id === merging.id ? { ...one, files: merging.into } : one));
    await this.#ports.manifests.write({ ...manifest, points: kept, merging: null });
    for (const file of Object.values(point?.files ?? {})) await rm(file, { force: true });
    return ok(undefined);
  }
}
