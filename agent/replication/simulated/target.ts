import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { hostOff } from '../../hypervisor/simulated/problems.ts';
import { type ExportAddress, fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import { notOpen } from '../problems.ts';
import type { DigestStatus, ReplicaDisk, ReplicaTarget } from '../replication.ts';
import { settlePoints, simulatedPoints } from './points.ts';
import { dropHalf, simulatedRestore } from './restore.ts';

/** What an empty qcow2 image takes on disk. */
const EMPTY_IMAGE_BYTES = 200 * 1024;

/** How much faster both sides are read for a comparison than a copy travels. */
const READ_TIMES = 5;
const READ_STEPS = 10;

/** The standby's side on one simulated host; worthless once that host lost its power. */
export function createSimulatedTarget(host: SimulatedHost): ReplicaTarget {
  const { bootId } = host;
  const alive = (): boolean => host.powered && host.bootId === bootId;
  const digests = new Map<string, DigestStatus>();

  const isOpen = (pairId: string): boolean => alive() && host.exports.has(pairId);
  const close = async (pairId: string): Promise<Result<void>> => {
    if (!alive()) return fail(hostOff(host.name));
    digests.delete(pairId);
    withdraw(host, pairId);
    return ok(undefined);
  };

  const hash = (pairId: string, disks: ReplicaDisk[]): void => {
    const totalBytes = disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const status: DigestStatus = { doneBytes: 0, totalBytes, done: false, problem: null };
    digests.set(pairId, status);
    const tell = (part: number): void => {
      status.doneBytes = Math.round(totalBytes * part);
    };
    void readAll(host, disks, tell).then((on) => {
      if (on) Object.assign(status, { done: true, doneBytes: totalBytes });
    });
  };

  const points = simulatedPoints(host, {
    alive,
    isOpen,
    close,
    address: (pairId, disks) => addressOf(host, pairId, disks),
  });

  const restore = simulatedRestore(host, {
    alive,
    close,
    address: (pairId, disks) => addressOf(host, pairId, disks),
  });

  return {
    points,
    restore,
    async start() {},
    async stop() {},

    async create(pairId, disks, asideTag) {
      if (!alive()) return fail(hostOff(host.name));
      // Images are made sparse: a disk that is too small shows only while they fill.
      if (host.freeDiskBytes() < disks.length * EMPTY_IMAGE_BYTES) return fail(diskFull(host.name));
      withdraw(host, pairId);
      const aside: string[] = [];
      for (const disk of disks) {
        const old = host.images.get(disk.path);
        if (old) {
          const path = `${disk.path}.${asideTag}`;
          host.images.delete(disk.path);
          host.images.set(path, { ...old, path });
          aside.push(path);
        }
        host.images.set(disk.path, emptyImage(disk));
      }
      return ok({ aside });
    },

    async layer(pairId, disks, asideTag) {
      if (!alive()) return fail(hostOff(host.name));
      if (disks.some(({ format }) => format !== 'qcow2')) return ok(null);
      withdraw(host, pairId);
      const aside: string[] = [];
      for (const disk of disks) {
        const old = host.images.get(disk.path);
        if (!old) return fail(replicaMissing(host.name, disk.path));
        const path = `${disk.path}.${asideTag}`;
        host.images.set(path, { ...old, path });
        aside.push(path);
        host.images.set(disk.path, { ...emptyImage(disk), version: old.version });
      }
      return ok({ aside });
    },

    async backToPoint(pairId, disks): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      const sealed = await points.seal(pairId, 'seal', disks);
      if (!sealed.ok) return sealed;
      for (const [index, disk] of disks.entries()) {
        const whole = host.images.get(sealed.value[index]?.path ?? '');
        if (whole) host.images.set(disk.path, { ...whole, path: disk.path, complete: true });
      }
      return points.undo(pairId, 'seal', disks);
    },

    async backUnder(pairId, disks, under): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      withdraw(host, pairId);
      for (const { path, target } of disks) {
        const aside = host.images.get(under[target] ?? '');
        if (aside) host.images.set(path, { ...aside, path });
        host.images.delete(under[target] ?? '');
      }
      return ok(undefined);
    },

    async standAlone(_pairId, disks, progress): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      progress(0, disks.length);
      return (await host.after(1_000)) ? ok(undefined) : fail(hostOff(host.name));
    },

    settle: async () => (alive() ? ok(undefined) : fail(hostOff(host.name))),

    allocatedBytes: async (path) => host.images.get(path)?.allocatedBytes ?? null,

    async digest(pairId, disks) {
      if (!alive()) return fail(hostOff(host.name));
      withdraw(host, pairId);
      const missing = disks.find((disk) => !host.images.has(disk.path));
      if (missing) return fail(replicaMissing(host.name, missing.path));
      hash(pairId, disks);
      return ok(addressOf(host, pairId, disks));
    },

    async digestOpen(pairId, disks): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      if (!isOpen(pairId)) return fail(notOpen(host.name));
      hash(pairId, disks);
      return ok(undefined);
    },

    async offerDigests(pairId, disks) {
      if (!alive()) return fail(hostOff(host.name));
      return isOpen(pairId) ? ok(addressOf(host, pairId, disks)) : fail(notOpen(host.name));
    },

    async endDigest(pairId): Promise<Result<void>> {
      digests.delete(pairId);
      return ok(undefined);
    },

    digesting: (pairId) => (alive() ? (digests.get(pairId) ?? null) : null),

    roomBeside: async (disks, atMostBytes = Number.POSITIVE_INFINITY) =>
      host.freeDiskBytes() >=
      Math.min(
        atMostBytes,
        disks.reduce((sum, disk) => sum + (host.images.get(disk.path)?.allocatedBytes ?? 0), 0),
      ),

    isUnclean: (pairId) => host.unclean.has(pairId),
    async forgetUnclean(pairId) {
      host.unclean.delete(pairId);
    },
    onUnclean(listener) {
      const told = new Set(host.unclean);
      return host.world.onChange(() => {
        for (const pairId of host.unclean) if (alive() && !told.has(pairId)) listener(pairId);
        told.clear();
        for (const pairId of host.unclean) told.add(pairId);
      });
    },

    async open(pairId, disks, memory = false) {
      if (!alive()) return fail(hostOff(host.name));
      if (host.unclean.has(pairId)) return fail(uncleanly(host.name));
      if (host.exports.has(pairId) && host.inMemory.has(pairId) !== memory) withdraw(host, pairId);
      const missing = disks.find((disk) => !host.images.has(disk.path));
      if (missing) return fail(replicaMissing(host.name, missing.path));
      if (memory && !host.inMemory.has(pairId))
        host.inMemory.set(
          pairId,
          new Map(disks.map(({ path }) => [path, host.images.get(path)?.version ?? 0])),
        );
      host.exports.set(pairId, new Set(disks.map((disk) => disk.path)));
      host.world.changed();
      return ok(addressOf(host, pairId, disks));
    },

    close,
    isOpen,

    sizes: async (disks) =>
      Object.fromEntries(disks.map(({ target, path }) => [target, host.images.get(path)?.sizeBytes ?? null])),

    async fit(pairId, disks): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      withdraw(host, pairId);
      for (const disk of disks) {
        const image = host.images.get(disk.path);
        if (!image) host.images.set(disk.path, emptyImage(disk));
        else image.sizeBytes = Math.max(image.sizeBytes, disk.sizeBytes);
      }
      return ok(undefined);
    },

    prints: async (paths) =>
      Object.fromEntries(
        paths.map((path) => {
          const image = host.images.get(path);
          const { serial = 0, sizeBytes = 0, tampered = 0 } = image ?? {};
          return [path, image ? { file: String(serial), sizeBytes, writtenMs: tampered } : null];
        }),
      ),

    async discard(paths): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      for (const path of paths) host.images.delete(path);
      return ok(undefined);
    },

    async remove(pairId, disks): Promise<Result<void>> {
      if (!alive()) return fail(hostOff(host.name));
      withdraw(host, pairId);
      await restore.hide(pairId);
      dropHalf(host, pairId, disks);
      for (const path of await restore.release(pairId)) host.images.delete(path);
      for (const disk of disks) host.images.delete(disk.path);
      host.unclean.delete(pairId);
      return ok(undefined);
    },
  };
}

/** Reads what lies in images, telling the part that is done (0 to 1). @returns false when the host lost its power */
export async function readAll(
  host: SimulatedHost,
  disks: { path: string }[],
  tell: (part: number) => void,
): Promise<boolean> {
  const toRead = disks.reduce((sum, { path }) => sum + (host.images.get(path)?.allocatedBytes ?? 0), 0);
  for (let step = 1; step <= READ_STEPS; step++) {
    if (!(await host.after((toRead / READ_STEPS / (host.world.pace.copyBps * READ_TIMES)) * 1000)))
      return false;
    tell(step / READ_STEPS);
  }
  return true;
}

function withdraw(host: SimulatedHost, pairId: string): void {
  settlePoints(host, pairId);
  // In order: everything is on disk.
  host.inMemory.delete(pairId);
  if (host.exports.delete(pairId)) host.world.changed();
}

function addressOf(host: SimulatedHost, pairId: string, disks: ReplicaDisk[]): ExportAddress {
  const exports: Record<string, string> = {};
  for (const disk of disks) exports[disk.target] = `${pairId}-${disk.target}`;
  return { port: host.replicationPort, serverName: host.name, exports, heartbeat: 'heartbeat' };
}

const emptyImage = (disk: ReplicaDisk) => ({
  path: disk.path,
  sizeBytes: disk.sizeBytes,
  allocatedBytes: EMPTY_IMAGE_BYTES,
  version: 0,
  complete: false,
});

export const diskFull = (host: string): Problem => ({
  kind: 'disk-full',
  message: `${host} has not enough space for the copy.`,
  next: `Free space on ${host}, or choose another standby.`,
});

const uncleanly = (host: string): Problem => ({
  kind: 'replica-unclean',
  message: `The copy on ${host} ended uncleanly while it acknowledged writes from memory: some may be missing.`,
  next: 'It is compared before it counts again, by itself, as soon as the other host answers.',
});

const replicaMissing = (host: string, path: string): Problem => ({
  kind: 'replica-missing',
  message: `The standby's disk ${path} is missing on ${host}.`,
  next: 'Copy the machine anew.',
});
