import { type ExportAddress, ok, type RestorePoint, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk, ReplicaTarget } from '../../replication/replication.ts';

/** What a copy on trial stands on: a state of the standby's copy that does not change meanwhile. */
export interface Ground {
  /** `tookMs`: how long the replica was kept waiting. `point`: the restore point it is, of a copy that is kept by them. */
  take(): Promise<Result<{ tookMs: number; point: RestorePoint | null; remote: ExportAddress }>>;
  /** Whether it is still what was taken. */
  stands(): Promise<Result<boolean>>;
}

type At = { pairId: string; disks: ReplicaDisk[] };

/** A frozen state of a mirrored replica, which goes on being filled. */
export function frozenGround({ points }: ReplicaTarget, { pairId, disks }: At): Ground {
  return {
    async take() {
      const taken = await points.take(pairId, 'drill', disks);
      if (!taken.ok) return taken;
      const offered = await points.offer(pairId, 'drill', disks);
      return offered.ok ? ok({ tookMs: taken.value.tookMs, point: null, remote: offered.value }) : offered;
    },
    stands: () => points.stands(pairId, 'drill', disks),
  };
}

/** One of the copy's restore points (null: the newest), which nobody writes to any more anyway: newer ones are made above it. */
export function restoreGround({ restore }: ReplicaTarget, { pairId, disks }: At, id: string | null): Ground {
  return {
    async take() {
      const shown = await restore.show(pairId, disks, id);
      return shown.ok ? ok({ tookMs: 0, ...shown.value }) : shown;
    },
    stands: () => restore.isShown(pairId, disks),
  };
}

/** Lets go of whichever it was. Idempotent, whatever a killed agent left. */
export async function leaveGround(target: ReplicaTarget, { pairId, disks }: At): Promise<Result<void>> {
  const undone = await target.points.undo(pairId, 'drill', disks);
  const hidden = await target.restore.hide(pairId);
  return undone.ok ? hidden : undone;
}
