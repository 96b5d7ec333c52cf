import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { hostOff } from '../../hypervisor/simulated/problems.ts';
import type { SimulatedImage } from '../../hypervisor/simulated/types.ts';
import { type ExportAddress, fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { PointUse } from '../names.ts';
import { notOpen } from '../problems.ts';
import { overlayPath, type ReplicaDisk, type ReplicaPoints, sealedName, sealedPath } from '../replication.ts';

/** What an overlay takes before anything was kept in it. */
const EMPTY_OVERLAY_BYTES = 200 * 1024;

interface Surroundings {
  alive(): boolean;
  isOpen(pairId: string): boolean;
  address(pairId: string, disks: ReplicaDisk[]): ExportAddress;
  close(pairId: string): Promise<Result<void>>;
}

/** Points of one simulated host's replicas: an image of its own that keeps the version the replica had. */
export function simulatedPoints(host: SimulatedHost, around: Surroundings): ReplicaPoints {
  const stands = (pairId: string, use: PointUse): boolean => host.points.has(pointKey(use, pairId));
  const gone = (): Problem => ({
    kind: 'point-gone',
    message: `The point of the copy on ${host.name} does not stand any more.`,
    next: 'Start again: a new point is taken.',
  });
  const sealed = (use: PointUse, disks: ReplicaDisk[]): ReplicaDisk[] | null => {
    const kept = disks.map((disk) => ({
      ...disk,
      path: sealedPath(disk.path, use),
      format: 'qcow2' as const,
    }));
    return kept.every(({ path }) => host.images.has(path)) ? kept : null;
  };

  return {
    async take(pairId, use, disks) {
      if (!around.alive()) return fail(hostOff(host.name));
      if (stands(pairId, use)) return ok({ tookMs: 0, already: true });
      if (!around.isOpen(pairId)) return fail(notOpen(host.name));
      if (sealed(use, disks)) return fail(sealedAlready(host.name));
      for (const disk of disks) {
        const replica = host.images.get(disk.path);
        if (!replica) return fail(notOpen(host.name));
        const path = overlayPath(disk.path, use);
        host.images.set(path, { ...replica, path, allocatedBytes: EMPTY_OVERLAY_BYTES });
      }
      host.points.set(pointKey(use, pairId), new Set(disks.map(({ path }) => overlayPath(path, use))));
      return ok({ tookMs: 1, already: false });
    },
    async stands(pairId, use) {
      return ok(around.alive() && stands(pairId, use));
    },
    async offer(pairId, use, disks) {
      if (!around.alive()) return fail(hostOff(host.name));
      return stands(pairId, use) ? ok(around.address(`${use}-${pairId}`, disks)) : fail(gone());
    },
    async undo(pairId, use, disks) {
      if (!around.alive()) return fail(hostOff(host.name));
      host.points.delete(pointKey(use, pairId));
      for (const { path } of disks) {
        host.images.delete(overlayPath(path, use));
        host.images.delete(sealedPath(path, use));
      }
      return ok(undefined);
    },
    async seal(pairId, use, disks) {
      const closed = await around.close(pairId);
      if (!closed.ok) return closed;
      const kept = sealed(use, disks);
      return kept ? ok(kept) : fail(gone());
    },
    async sizeBytes(use, disks) {
      return disks.reduce(
        (sum, { path }) => sum + (host.images.get(overlayPath(path, use))?.allocatedBytes ?? 0),
        0,
      );
    },
  };
}

/** The replica's export was ended: its points are closed, and those taken to be sealed get the name that says so. */
export function settlePoints(host: SimulatedHost, pairId: string): void {
  for (const path of host.points.get(pointKey('seal', pairId)) ?? []) {
    const overlay: SimulatedImage | undefined = host.images.get(path);
    if (!overlay) continue;
    const name = sealedName(path);
    host.images.delete(path);
    host.images.set(name, { ...overlay, path: name });
  }
  for (const use of ['drill', 'seal'] as const) host.points.delete(pointKey(use, pairId));
}

const pointKey = (use: PointUse, pairId: string): string => `${use}:${pairId}`;

const sealedAlready = (host: string): Problem => ({
  kind: 'point-sealed',
  message: `A sealed point of the copy on ${host} is kept.`,
  next: 'Put the copy back to it or give it up first.',
});
