import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { hostOff } from '../../hypervisor/simulated/problems.ts';
import type { SimulatedImage } from '../../hypervisor/simulated/types.ts';
import {
  type ExportAddress,
  fail,
  ok,
  type Problem,
  type RestorePoint,
  type Result,
} from '../../protocol/index.ts';
import { keptBy } from '../follow/retention.ts';
import { overlayPath, type ReplicaDisk, type RestorePoints } from '../replication.ts';

/** What an empty layer takes on disk. */
const EMPTY_LAYER_BYTES = 200 * 1024;
/** How much faster an image is read for a comparison than a copy travels. */
const READ_TIMES = 5;

interface Kept {
  next: number;
  points: (RestorePoint & { files: string[] })[];
  surfaced: string | null;
  ground: string | null;
  /** An old disk under the points: a file for each disk. */
  base?: string[] | undefined;
}
/** On disk: outlives agent and power. */
const kept = new WeakMap<SimulatedHost, Map<string, Kept>>();

interface Surroundings {
  alive(): boolean;
  address(pairId: string, disks: ReplicaDisk[]): ExportAddress;
  close(pairId: string): Promise<Result<void>>;
}

/** Restore points of one simulated host: an image for each disk and point, which remembers the version it has. */
export function simulatedRestore(host: SimulatedHost, around: Surroundings): RestorePoints {
  const all = kept.get(host) ?? new Map<string, Kept>();
  kept.set(host, all);
  const of = (pairId: string): Kept => {
    const found = all.get(pairId) ?? { next: 0, points: [], surfaced: null, ground: null };
    all.set(pairId, found);
    return found;
  };
  const reading = new Map<string, { done: boolean }>();
  /** Pairs whose layer on offer this very agent has begun: a newer one knows of none. */
  const begun = new Set<string>();
  const off = (): Result<never> => fail(hostOff(host.name));

  async function clear(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>> {
    const closed = await around.close(pairId);
    if (!closed.ok) return closed;
    const mine = of(pairId);
    reading.delete(pairId);
    begun.delete(pairId);
    for (const path of layers(disks, mine.next)) host.images.delete(path);
    if (mine.surfaced !== null) for (const { path } of disks) host.images.delete(path);
    mine.surfaced = null;
    return ok(undefined);
  }

  return {
    list: (pairId) => (all.get(pairId)?.points ?? []).map(({ files: _files, ...point }) => point),

    async adopt(pairId, disks, point): Promise<Result<{ left: string[] }>> {
      if (!around.alive()) return off();
      const closed = await around.close(pairId);
      if (!closed.ok) return closed;
      const mine = of(pairId);
      if (mine.points.some(({ id }) => id === point.id)) return ok({ left: [] });
      const ground = mine.points.findIndex(({ id }) => id === mine.ground);
      if (ground >= 0) for (const { files } of mine.points.splice(ground + 1)) drop(host, files);
      const files = layers(disks, mine.next);
      for (const [index, disk] of disks.entries()) {
        const image = host.images.get(disk.path);
        if (!image) return fail(gone(host.name));
        host.images.delete(disk.path);
        put(host, { ...image, promised: image.version }, files[index] ?? '');
      }
      mine.points.push({ ...point, files });
      Object.assign(mine, { next: mine.next + 1, surfaced: null, ground: null });
      return ok({ left: [] });
    },

    async lieOn(pairId, disks, tag) {
      if (!around.alive()) return off();
      const cleared = await clear(pairId, disks);
      if (!cleared.ok) return cleared;
      const mine = of(pairId);
      const names = disks.map(({ path }) => `${path}.${tag}`);
      const left = mine.points.flatMap(({ files }) => files);
      for (const [index, { path }] of disks.entries()) {
        const image = host.images.get(path);
        if (!image) continue;
        host.images.delete(path);
        put(host, image, names[index] ?? '');
      }
      all.set(pairId, { next: mine.next + 1, points: [], surfaced: null, ground: null, base: names });
      return ok({
        under: Object.fromEntries(disks.map(({ target }, at) => [target, names[at] ?? ''])),
        left,
      });
    },
    liesOn: (pairId) => of(pairId).base !== undefined,
    async standAlone(pairId) {
      if (!around.alive()) return off();
      if (of(pairId).base === undefined) return ok(undefined);
      if (host.exports.has(pairId) || host.points.has(shownKey(pairId))) return fail(busy(host.name));
      of(pairId).base = undefined;
      return ok(undefined);
    },

    async begin(pairId, disks): Promise<Result<ExportAddress>> {
      if (!around.alive()) return off();
      const cleared = await clear(pairId, disks);
      if (!cleared.ok) return cleared;
      const mine = of(pairId);
      const under = mine.points.at(-1)?.files ?? mine.base ?? [];
      const paths = layers(disks, mine.next);
      for (const [index, disk] of disks.entries()) {
        const below = host.images.get(under[index] ?? '');
        const { sizeBytes } = disk;
        const empty = { sizeBytes, version: below?.version ?? 0, complete: false };
        put(host, { ...empty, path: '', allocatedBytes: EMPTY_LAYER_BYTES }, paths[index] ?? '');
      }
      host.exports.set(pairId, new Set(paths));
      begun.add(pairId);
      host.world.changed();
      return ok(around.address(pairId, disks));
    },

    async compare(pairId, disks): Promise<Result<ExportAddress | null>> {
      if (!around.alive()) return off();
      const newest = of(pairId).points.at(-1)?.files ?? of(pairId).base;
      if (!newest) return fail(gone(host.name));
      const known = reading.get(pairId);
      if (known) return ok(known.done ? around.address(pairId, disks) : null);
      const status = { done: false };
      reading.set(pairId, status);
      const bytes = disks.reduce((sum, { sizeBytes }) => sum + sizeBytes / 2, 0);
      void host.after((bytes / (host.world.pace.copyBps * READ_TIMES)) * 1000).then((on) => {
        status.done = on;
      });
      return ok(null);
    },

    async seal(pairId, disks, point): Promise<Result<void>> {
      if (!around.alive()) return off();
      const mine = of(pairId);
      if (mine.points.some(({ id }) => id === point.id)) return ok(undefined);
      const files = layers(disks, mine.next);
      const offered = host.exports.get(pairId);
      if (!begun.delete(pairId) || !offered || !files.every((path) => offered.has(path)))
        return fail(layerGone(host.name));
      const closed = await around.close(pairId);
      if (!closed.ok) return closed;
      for (const path of files) Object.assign(host.images.get(path) ?? {}, { complete: true });
      mine.points.push({ ...point, files });
      mine.next += 1;
      return ok(undefined);
    },

    async prune(pairId, _disks, rule) {
      if (!around.alive()) return off();
      const mine = of(pairId);
      if (mine.surfaced !== null || host.exports.has(pairId)) return ok({ dropped: 0 });
      if (host.points.has(shownKey(pairId))) return ok({ dropped: 0 });
      const keeps = keptBy(mine.points, rule);
      const left = mine.points.filter(({ id }) => !keeps.has(id));
      mine.points = mine.points.filter(({ id }) => keeps.has(id));
      for (const { files } of left) drop(host, files);
      return ok({ dropped: left.length });
    },

    async surface(pairId, disks, id): Promise<Result<RestorePoint>> {
      if (!around.alive()) return off();
      const cleared = await clear(pairId, disks);
      if (!cleared.ok) return cleared;
      const mine = of(pairId);
      const point = id === null ? mine.points.at(-1) : mine.points.find((one) => one.id === id);
      if (!point) return fail(gone(host.name));
      for (const [index, disk] of disks.entries()) {
        const image = host.images.get(point.files[index] ?? '');
        if (!image) return fail(gone(host.name));
        const { promised = image.version } = image;
        put(host, { ...image, fromPoint: promised, generation: point.id }, disk.path);
      }
      mine.surfaced = point.id;
      const { files: _files, ...plain } = point;
      return ok(plain);
    },

    async show(pairId, disks, id) {
      if (!around.alive()) return off();
      const { points } = of(pairId);
      const point = id === null ? points.at(-1) : points.find((one) => one.id === id);
      if (!point) return fail(gone(host.name));
      const paths = disks.map(({ path }) => overlayPath(path, 'drill'));
      for (const [index, path] of paths.entries()) {
        const image = host.images.get(point.files[index] ?? '');
        if (!image) return fail(gone(host.name));
        put(host, { ...image, allocatedBytes: 0 }, path);
      }
      host.points.set(shownKey(pairId), new Set(paths));
      const { files: _files, ...plain } = point;
      return ok({ point: plain, remote: around.address(`shown-${pairId}`, disks) });
    },
    isShown: async (pairId) => ok(around.alive() && host.points.has(shownKey(pairId))),
    async hide(pairId) {
      if (!around.alive()) return off();
      for (const path of host.points.get(shownKey(pairId)) ?? []) host.images.delete(path);
      host.points.delete(shownKey(pairId));
      return ok(undefined);
    },

    makeWay: () => undefined,

    surfacedAt: (pairId) => all.get(pairId)?.surfaced ?? null,

    async keepSurfaced(pairId) {
      const mine = of(pairId);
      if (mine.surfaced !== null) Object.assign(mine, { ground: mine.surfaced, surfaced: null });
    },

    async release(pairId) {
      const mine = of(pairId);
      const files = mine.points.flatMap((point) => point.files);
      // Names go on: what is released lies where it lay.
      all.set(pairId, { next: mine.next + 1, points: [], surfaced: null, ground: null });
      return files;
    },

    sizeBytes: async (pairId) =>
      (all.get(pairId)?.points ?? [])
        .flatMap(({ files }) => files)
        .reduce((sum, path) => sum + (host.images.get(path)?.allocatedBytes ?? 0), 0),
  };
}

/** What was begun of a point, and never became one. */
export function dropHalf(host: SimulatedHost, pairId: string, disks: ReplicaDisk[]): void {
  const mine = kept.get(host)?.get(pairId);
  if (mine) drop(host, layers(disks, mine.next));
}

const shownKey = (pairId: string): string => `shown:${pairId}`;
const layers = (disks: ReplicaDisk[], number: number): string[] =>
  disks.map(({ path }) => `${path}.r${number}`);
const put = (host: SimulatedHost, image: SimulatedImage, path: string): void =>
  void host.images.set(path, { ...image, path });
const drop = (host: SimulatedHost, files: string[]): void => {
  for (const path of files) host.images.delete(path);
};

const gone = (host: string): Problem => ({
  kind: 'point-gone',
  message: `${host} does not keep that restore point.`,
  next: 'Look at the points again, and choose another.',
});

const busy = (host: string): Problem => ({
  kind: 'points-busy',
  message: `The restore points on ${host} are in use at the moment.`,
  next: 'Try again in a moment; a drill of one of them has to end first.',
});

const layerGone = (host: string): Problem => ({
  kind: 'layer-gone',
  message: `${host} started anew while the point was being made: it was thrown away.`,
  next: 'The next one is made by itself.',
});
