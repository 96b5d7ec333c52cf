import { isCoordinated } from '../../../agent/protocol/mode.ts';
import type { FleetSnapshot, PairView, VmView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { workloadUuid } from '../map/layout.ts';

/** The pair's machine as its owner's host shows it. */
export function vmOf(fleet: FleetSnapshot, pair: PairView): VmView | null {
  const uuid = workloadUuid(pair);
  return (
    Object.values(fleet.vms).find((view) => view.hostId === pair.primary && view.vm.uuid === uuid) ?? null
  );
}

/** What one member said last of its own copy. */
export function copySentence(pair: PairView, hostId: string): string {
  const words = m.pairs;
  const local = pair.members[hostId]?.status.local;
  const lost =
    ((pair.health === 'primary-lost' || pair.health === 'stepping-in') && hostId === pair.primary) ||
    (pair.health === 'standby-lost' && hostId === pair.standby);
  if (!local) return words.neverHeard;
  if (lost) return hostId === pair.primary ? words.vmUnheard : words.standbyLost;
  switch (local.kind) {
    case 'primary':
      return {
        running: words.vmRunning,
        paused: words.vmPaused,
        stopped: words.vmStopped,
        frozen: words.vmFrozen,
      }[local.vm];
    case 'standby':
      if (isCoordinated(pair.replication.mode)) return words.standbyOthers[pair.replication.mode.kind];
      if (pair.replication.points.length > 0) return words.standbyPoints(pair.replication.points.length);
      if (pair.health === 'copying') return words.standbyFilling;
      return local.exports === 'open' ? words.standbyOpen : words.standbyClosed;
    case 'waiting':
      return words.waitingText(local.reason);
    case 'quarantined':
      return words.asideText;
  }
}
