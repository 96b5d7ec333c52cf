import { isCoordinated, makesPoints } from '../../../agent/protocol/mode.ts';
import type { FleetSnapshot, HostView, PairView, TaskView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import type { PairOrder } from '../../lib/router.ts';

/** For each order: null when it can be given now, else the reason why not. The agents decide again. */
export type Reasons = Record<PairOrder, string | null>;

type Kind = TaskView['task']['kind'];
/** What runs beside other orders and makes way for them. */
const BESIDE: readonly Kind[] = ['drill', 'verify'];

/** What keeps other orders waiting. */
export const runningTask = (fleet: FleetSnapshot, pairId: string): TaskView | null =>
  newestOf(fleet, pairId, (kind) => !BESIDE.includes(kind));

export const runningDrill = (fleet: FleetSnapshot, pairId: string): TaskView | null =>
  newestOf(fleet, pairId, (kind) => kind === 'drill');

export const runningVerify = (fleet: FleetSnapshot, pairId: string): TaskView | null =>
  newestOf(fleet, pairId, (kind) => kind === 'verify');

function newestOf(fleet: FleetSnapshot, pairId: string, of: (kind: Kind) => boolean): TaskView | null {
  const running = Object.values(fleet.tasks).filter(
    ({ task }) => task.pairId === pairId && task.state === 'running' && of(task.kind),
  );
  return running.sort((a, b) => b.task.startedAt - a.task.startedAt)[0] ?? null;
}

/** Why the copy cannot be compared now; null when it can. The agent looks again. */
export function verifyReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  if (!answers(fleet, pair.primary)) return why.primaryGone(name(fleet, pair.primary));
  if (!answers(fleet, pair.standby)) return why.standbyGone(name(fleet, pair.standby));
  if (isCoordinated(pair.replication.mode)) return why.notOurCopy;
  return pair.health === 'in-sync' ? null : why.notInSync;
}

/** Why the copy cannot be tried out now; null when it can. The agent looks again. */
export function drillReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  if (!answers(fleet, pair.standby)) return why.standbyGone(name(fleet, pair.standby));
  if (isByPoints(pair)) return pair.replication.points.length > 0 ? null : why.noPoint;
  if (isCoordinated(pair.replication.mode)) return why.notOurCopy;
  return pair.health === 'in-sync' ? null : why.notInSync;
}

/** Its copy lacks what was written since the last point. */
export const isByPoints = ({ replication }: PairView): boolean => makesPoints(replication.mode);

export function actionReasons(pair: PairView, fleet: FleetSnapshot): Reasons {
  const task = runningTask(fleet, pair.id)?.task;
  if (task) {
    const busy = m.pairs.reasons.busy(m.activity.task(m.pairs.taskKind[task.kind], task.subject));
    return {
      failover: busy,
      switchover: busy,
      return: busy,
      replace: busy,
      end: busy,
      revert: busy,
      discard: busy,
    };
  }
  return {
    failover: failoverReason(pair, fleet),
    switchover: switchoverReason(pair, fleet),
    return: returnReason(pair, fleet),
    revert: revertReason(pair, fleet),
    discard: discardReason(pair, fleet),
    replace: replaceReason(pair, fleet),
    end: answers(fleet, pair.primary) ? null : m.pairs.reasons.endGone(name(fleet, pair.primary)),
  };
}

function failoverReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  if (!answers(fleet, pair.standby)) return why.standbyGone(name(fleet, pair.standby));
  switch (pair.health) {
    case 'primary-lost':
    case 'unknown':
    case 'waiting':
    case 'stopped':
    case 'stepping-in':
    case 'frozen':
      return null;
    case 'quarantined':
      return why.quarantined(name(fleet, pair.standby));
    default:
      return why.primaryAnswers(name(fleet, pair.primary));
  }
}

function switchoverReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  if (!answers(fleet, pair.primary)) return why.primaryGone(name(fleet, pair.primary));
  if (!answers(fleet, pair.standby)) return why.standbyGone(name(fleet, pair.standby));
  if (pair.health === 'in-sync' || pair.health === 'following' || pair.health === 'behind') return null;
  if (pair.health === 'quarantined') return why.quarantined(name(fleet, pair.standby));
  if (pair.health === 'frozen' || pair.health === 'stepping-in') return why.frozen;
  return pair.health === 'stopped' ? why.notRunning : why.notInSync;
}

function returnReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  if (!answers(fleet, pair.primary)) return why.nothingToCopy(name(fleet, pair.primary));
  if (!answers(fleet, pair.standby)) return why.nowhereToCopy(name(fleet, pair.standby));
  if (pair.health === 'in-sync') return why.alreadySync;
  if (pair.health === 'following') return why.follows;
  if (pair.health === 'copying') return why.copying;
  if (pair.health === 'frozen' || pair.health === 'stepping-in') return why.frozen;
  return pair.health === 'stopped' ? why.notRunning : null;
}

function revertReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  if (pair.health !== 'quarantined') return why.nothingToRevert;
  if (!answers(fleet, pair.primary)) return why.primaryGone(name(fleet, pair.primary));
  return answers(fleet, pair.standby) ? null : why.standbyGone(name(fleet, pair.standby));
}

/** What is set aside on which member; null when nothing is. */
export function asideOf(pair: PairView): { hostId: string; bytes: number; under: boolean } | null {
  for (const [hostId, member] of Object.entries(pair.members)) {
    const asides = member.status.asides ?? [];
    if (asides.length === 0) continue;
    const bytes = asides.reduce((sum, aside) => sum + (aside.bytes ?? 0), 0);
    return { hostId, bytes, under: asides.some(({ under }) => under) };
  }
  return null;
}

function discardReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  const aside = asideOf(pair);
  if (aside === null) return why.nothingAside;
  const host = name(fleet, aside.hostId);
  if (!answers(fleet, aside.hostId)) return why.standbyGone(host);
  if (aside.under && aside.hostId === pair.primary) return why.asideUnder(host);
  return aside.under && pair.health !== 'in-sync' && pair.health !== 'following' ? why.notInSync : null;
}

/** Hypervisor hosts that could take the standby's place, by name; the witness among them cannot. */
export function otherHosts(pair: PairView, fleet: FleetSnapshot): HostView[] {
  return Object.values(fleet.hosts)
    .filter((host) => host.role === 'hypervisor' && host.id !== pair.primary && host.id !== pair.standby)
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

function replaceReason(pair: PairView, fleet: FleetSnapshot): string | null {
  const why = m.pairs.reasons;
  if (!answers(fleet, pair.primary)) return why.nothingToCopy(name(fleet, pair.primary));
  if (isCoordinated(pair.replication.mode)) return why.keeperFixed;
  if (otherHosts(pair, fleet).length === 0) return why.noOtherHost;
  if (pair.health === 'frozen' || pair.health === 'stepping-in') return why.frozen;
  return pair.health === 'stopped' || pair.health === 'waiting' ? why.notRunning : null;
}

function answers(fleet: FleetSnapshot, hostId: string): boolean {
  return fleet.hosts[hostId]?.connection.state === 'online';
}

function name(fleet: FleetSnapshot, hostId: string): string {
  return fleet.hosts[hostId]?.name ?? hostId;
}

/** The order to put forward: the one that mends what is wrong now. */
export function foremost(pair: PairView): PairOrder | null {
  switch (pair.health) {
    case 'primary-lost':
    case 'unknown':
    case 'waiting':
      return 'failover';
    case 'quarantined':
    case 'not-in-sync':
      return 'return';
    default:
      return null;
  }
}
