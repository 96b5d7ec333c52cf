import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from '../../journal/durable-file.ts';
import {
  type ExportAddress,
  fail,
  ok,
  type Problem,
  type RestorePoint,
  type Result,
  type Retention,
} from '../../protocol/index.ts';
import { keptBy } from '../follow/retention.ts';
import type { ReplicaDisk } from '../replication.ts';
import { allThere, type Digests, imageItself } from './digests.ts';
import { GivingUp } from './giving-up.ts';
import { allocatedBytes, backingOf, createLayer, exists, setAside } from './images.ts';
import { filesOfPoints, type KeptPoint, type Manifest, type Manifests } from './manifest.ts';
import { OldDisk, refuseRaw } from './old-disk.ts';
import type { ShownPoints } from './shown.ts';

/** What restore points ask of the storage daemon's other rooms; the callers see to it that one order at a time is at work. */
export interface RestorePorts {
  hostName: string;
  manifests: Manifests;
  digests: Digests;
  /** Whether every one of these disks is on offer. */
  offered(pairId: string, disks: ReplicaDisk[]): Promise<boolean>;
  /** Ends the offer in order, and closes the files. */
  close(pairId: string): Promise<Result<void>>;
  /** Offers these images, in the disks' names, without write-through. */
  offer(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>>;
  /** The present offer with the digests that are done. */
  withDigests(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>>;
  shown: ShownPoints;
  /** Where these disks are reached under those export names. */
  address(disks: ReplicaDisk[], exports: Record<string, string>): ExportAddress;
}

/**
 * See `RestorePoints` in replication.ts. Files lie beside the disks' own, under names that are never given twice
 * (`DISK.point-5f3a09c1`): what was set aside may lie there too, and outlive its manifest.
 */
export class LayeredPoints {
  readonly #ports: RestorePorts;
  /** Pairs whose layer was begun, with its name: known only as long as this agent lives. */
  readonly #begun = new Map<string, string>();

  readonly #givingUp: GivingUp;
  readonly #oldDisk: OldDisk;

  constructor(ports: RestorePorts) {
    this.#ports = ports;
    this.#givingUp = new GivingUp(ports);
    this.#oldDisk = new OldDisk({
      get hostName() {
        return ports.hostName;
      },
      manifests: ports.manifests,
      givingUp: this.#givingUp,
      shown: ports.shown,
      clear: (pairId, disks) => this.#clear(pairId, disks),
      begun: (pairId) => this.#begun.has(pairId),
    });
  }

  list(pairId: string): RestorePoint[] {
    return this.#manifest(pairId).points.map(({ files: _files, ...point }) => point);
  }

  async adopt(
    pairId: string,
    disks: ReplicaDisk[],
    point: RestorePoint,
  ): Promise<Result<{ left: string[] }>> {
    const refused = refuseRaw(disks);
    if (refused) return fail(refused);
    const closed = await this.#ports.close(pairId);
    if (!closed.ok) return closed;
    if (this.#manifest(pairId).points.some(({ id }) => id === point.id)) return ok({ left: [] });
    await this.#leavePast(pairId);
    const left = await this.#strangers(pairId, disks, point.id);
    const manifest = this.#manifest(pairId);
    const files = filesOf(disks, point.id);
    for (const disk of disks) {
      const file = files[disk.target] ?? '';
      const there = (await exists(file)) && !(await exists(disk.path));
      if (there) continue;
      const found = await allThere([disk], this.#ports.hostName);
      if (!found.ok) return found;
      await rename(disk.path, file);
      await syncPath(dirname(file));
    }
    await this.#write({ ...sealed(manifest, { ...point, files }), surfaced: null });
    return ok({ left });
  }

  lieOn(
    pairId: string,
    disks: ReplicaDisk[],
    tag: string,
  ): Promise<Result<{ under: Record<string, string>; left: string[] }>> {
    return this.#oldDisk.lieOn(pairId, disks, tag);
  }

  liesOn(pairId: string): boolean {
    return this.#manifest(pairId).base !== null;
  }

  standAlone(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    return this.#oldDisk.standAlone(pairId, disks);
  }

  async begin(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>> {
    const refused = refuseRaw(disks);
    if (refused) return fail(refused);
    const clear = await this.#clear(pairId, disks);
    if (!clear.ok) return clear;
    const merged = await this.#givingUp.finish(pairId, disks);
    if (!merged.ok) return merged;
    const manifest = this.#manifest(pairId);
    const newest = newestFiles(manifest);
    const name = randomUUID().slice(0, 8);
    const layers = layersOf(disks, name);
    // Known before it is there: whoever finds half of it takes it away.
    await this.#write({ ...manifest, layer: name });
    const made = await Promise.all(
      layers.map((layer) => createLayer(layer, newest?.[layer.target] ?? null, this.#ports.hostName)),
    );
    const failed = made.find((one) => !one.ok);
    if (failed && !failed.ok) return failed;
    const offered = await this.#ports.offer(pairId, layers);
    if (offered.ok) this.#begun.set(pairId, name);
    return offered;
  }

  async compare(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress | null>> {
    const newest = newestFiles(this.#manifest(pairId));
    if (!newest) return fail(this.#gone());
    const { digests } = this.#ports;
    const status = digests.status(pairId);
    if (status?.problem) return fail(status.problem);
    if (!status)
      await digests.begin(
        pairId,
        disks.map((disk) => ({ ...disk, path: newest[disk.target] ?? '', format: 'qcow2' as const })),
        imageItself,
      );
    return status?.done ? this.#ports.withDigests(pairId, disks) : ok(null);
  }

  async seal(pairId: string, disks: ReplicaDisk[], point: RestorePoint): Promise<Result<void>> {
    const manifest = this.#manifest(pairId);
    if (manifest.points.some(({ id }) => id === point.id)) return ok(undefined);
    const name = this.#begun.get(pairId);
    // A daemon that was ended since, or a newer agent, knows of no layer: whatever lies there may be half of one.
    if (name === undefined || name !== manifest.layer || !(await this.#ports.offered(pairId, disks)))
      return fail(this.#layerGone());
    this.#begun.delete(pairId);
    const closed = await this.#ports.close(pairId);
    if (!closed.ok) return closed;
    const files = filesOf(disks, name);
    await Promise.all(Object.values(files).map(settled));
    await this.#write({ ...sealed(manifest, { ...point, files }), layer: null });
    return ok(undefined);
  }

  async prune(pairId: string, disks: ReplicaDisk[], rule: Retention): Promise<Result<{ dropped: number }>> {
    const { surfaced, points } = this.#manifest(pairId);
    // Somebody has the chain open, or stands on it.
    if (this.#begun.has(pairId) || surfaced !== null) return ok({ dropped: 0 });
    // Somebody reads one: writing into what lies under it would change that.
    const shown = await this.#ports.shown.isShown(pairId);
    if (!shown.ok) return shown;
    if (shown.value) return ok({ dropped: 0 });
    const kept = keptBy(points, rule);
    const gone = points.filter(({ id }) => !kept.has(id));
    for (const { id } of gone) {
      const dropped = await this.#givingUp.drop(pairId, disks, id);
      if (!dropped.ok) return dropped;
    }
    return ok({ dropped: gone.length });
  }

  async surface(pairId: string, disks: ReplicaDisk[], id: string | null): Promise<Result<RestorePoint>> {
    const clear = await this.#clear(pairId, disks);
    if (!clear.ok) return clear;
    const manifest = this.#manifest(pairId);
    const point = this.#find(pairId, id);
    if (!point) return fail(this.#gone());
    const { files: _files, ...surfaced } = point;
    // What a machine that was started by hand has written there since is not ours to throw away (docs/runbook.md).
    if (await laidByHand(disks, point.files)) return ok(surfaced);
    for (const { path } of disks) await setAside(path, BY_HAND);
    await this.#write({ ...manifest, surfaced: point.id });
    for (const disk of disks) {
      // Under another name first: what lies at the disk's place is never half an image.
      const made = `${disk.path}.new`;
      await rm(made, { force: true });
      const layer = { ...disk, path: made };
      const created = await createLayer(layer, point.files[disk.target] ?? null, this.#ports.hostName);
      if (!created.ok) return created;
      await rename(made, disk.path);
      await syncPath(dirname(disk.path));
    }
    return ok(surfaced);
  }

  async show(
    pairId: string,
    disks: ReplicaDisk[],
    id: string | null,
  ): Promise<Result<{ point: RestorePoint; remote: ExportAddress }>> {
    // What is half given up takes another file's place before it is done.
    const merged = await this.#unlessBegun(pairId, () => this.#givingUp.finish(pairId, disks));
    if (!merged.ok) return merged;
    const point = this.#find(pairId, id);
    if (!point) return fail(this.#gone());
    const { files, ...plain } = point;
    const images = disks.map((disk) => ({ ...disk, path: files[disk.target] ?? '' }));
    const shown = await this.#ports.shown.show(pairId, images);
    return shown.ok ? ok({ point: plain, remote: this.#ports.address(disks, shown.value) }) : shown;
  }

  isShown(pairId: string, disks: ReplicaDisk[]): Promise<Result<boolean>> {
    return this.#ports.shown.isShown(pairId, disks);
  }

  hide(pairId: string): Promise<Result<void>> {
    return this.#ports.shown.hide(pairId);
  }

  /** While a layer is on offer nothing is half given up: `begin` has seen to that. */
  async #unlessBegun(pairId: string, work: () => Promise<Result<void>>): Promise<Result<void>> {
    return this.#begun.has(pairId) ? ok(undefined) : work();
  }

  #find(pairId: string, id: string | null): KeptPoint | undefined {
    const { points } = this.#manifest(pairId);
    return id === null ? points.at(-1) : points.find((one) => one.id === id);
  }

  makeWay(pairId: string): void {
    this.#givingUp.breakOff(pairId);
  }

  surfacedAt(pairId: string): string | null {
    return this.#manifest(pairId).surfaced;
  }

  async keepSurfaced(pairId: string): Promise<void> {
    const manifest = this.#manifest(pairId);
    const { surfaced } = manifest;
    if (surfaced !== null) await this.#write({ ...manifest, surfaced: null, ground: surfaced });
  }

  async release(pairId: string): Promise<string[]> {
    const files = filesOfPoints(this.#manifest(pairId));
    await this.#ports.manifests.remove(pairId);
    return files;
  }

  async sizeBytes(pairId: string): Promise<number> {
    const files = this.#manifest(pairId).points.flatMap((point) => Object.values(point.files));
    const sizes = await Promise.all(files.map((file) => allocatedBytes(file)));
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Everything of the pair's points, with the half-made layer. The caller has closed them. */
  async remove(pairId: string, disks: ReplicaDisk[]): Promise<void> {
    this.#begun.delete(pairId);
    const half = this.#half(pairId, disks);
    const files = [...half, ...(await this.release(pairId))];
    for (const file of files) await rm(file, { force: true });
  }

  /** Nothing is open, and nothing half made. A point half given up reads as well as before. */
  async #clear(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    this.#begun.delete(pairId);
    const closed = await this.#ports.close(pairId);
    if (!closed.ok) return closed;
    const manifest = this.#manifest(pairId);
    for (const file of this.#half(pairId, disks)) await rm(file, { force: true });
    if (manifest.surfaced !== null) {
      for (const { path } of disks) await rm(path, { force: true });
      await this.#write({ ...this.#manifest(pairId), surfaced: null });
    }
    if (manifest.layer !== null) await this.#write({ ...this.#manifest(pairId), layer: null });
    return ok(undefined);
  }

  /** Files of a layer that never became a point. */
  #half(pairId: string, disks: ReplicaDisk[]): string[] {
    const { layer } = this.#manifest(pairId);
    return layer === null ? [] : Object.values(filesOf(disks, layer));
  }

  /** Points newer than the one that was gone back to lie under nothing any more. */
  async #leavePast(pairId: string): Promise<void> {
    const manifest = this.#manifest(pairId);
    const at = manifest.points.findIndex(({ id }) => id === manifest.ground);
    if (at < 0) return;
    const left = manifest.points.slice(at + 1);
    await this.#write({ ...manifest, points: manifest.points.slice(0, at + 1), ground: null });
    for (const file of left.flatMap(({ files }) => Object.values(files))) await rm(file, { force: true });
  }

  /** Former points on which the copy at the disks' places does not lie: they are forgotten. @returns their files */
  async #strangers(pairId: string, disks: ReplicaDisk[], id: string): Promise<string[]> {
    const manifest = this.#manifest(pairId);
    const newest = manifest.points.at(-1);
    if (!newest) return [];
    for (const { path, target } of disks) {
      // Renamed already by a call that was cut short.
      const own = (await exists(path)) ? path : (filesOf(disks, id)[target] ?? '');
      if ((await exists(own)) && (await backingOf(own)) !== newest.files[target]) {
        await this.#write({ ...manifest, points: [], ground: null });
        return manifest.points.flatMap(({ files }) => Object.values(files));
      }
    }
    return [];
  }

  #manifest(pairId: string): Manifest {
    return this.#ports.manifests.get(pairId);
  }

  #write(manifest: Manifest): Promise<void> {
    return this.#ports.manifests.write(manifest);
  }

  #gone(): Problem {
    return {
      kind: 'point-gone',
      message: `${this.#ports.hostName} does not keep that restore point.`,
      next: 'Look at the points again, and choose another.',
    };
  }

  #layerGone(): Problem {
    return {
      kind: 'layer-gone',
      message: `${this.#ports.hostName} started anew while the point was being made: it was thrown away.`,
      next: 'The next one is made by itself.',
    };
  }
}

const layersOf = (disks: ReplicaDisk[], name: string): ReplicaDisk[] =>
  disks.map((disk) => ({ ...disk, path: `${disk.path}.point-${name}`, format: 'qcow2' }));
const filesOf = (disks: ReplicaDisk[], name: string): Record<string, string> =>
  Object.fromEntries(layersOf(disks, name).map(({ target, path }) => [target, path]));
const sealed = (manifest: Manifest, point: KeptPoint): Manifest => ({
  ...manifest,
  points: [...manifest.points, point],
});

/** Added to the name of what somebody else has laid at a disk's place. */
const BY_HAND = 'by-hand';

/**
 * Layers over this very point lie at all the disks' places though none was laid there by us (the caller has seen to that): a
 * person has started the machine while no agent was there.
 */
async function laidByHand(disks: ReplicaDisk[], files: Record<string, string>): Promise<boolean> {
  const over = await Promise.all(
    disks.map(
      async ({ path, target }) => (await exists(path)) && (await backingOf(path)) === (files[target] ?? ''),
    ),
  );
  return over.length > 0 && over.every((one) => one);
}

/** On what the next layer lies; null: on nothing. */
const newestFiles = ({ points, base }: Manifest): Record<string, string> | null =>
  points.at(-1)?.files ?? base;

/** What was written to it is on its disk, and its name too. */
async function settled(file: string): Promise<void> {
  await syncPath(file);
  await syncPath(dirname(file));
}
