import type { PairStatus } from '../protocol/index.ts';
import { type Condition, MINUTE, SECOND, type World } from './condition.ts';
import { underMaintenance } from './pair-states.ts';
import { clockTime } from './quiet.ts';

/** Beyond the time after which an armed standby steps in by itself. */
const LOST_RIPE_MS = 30 * SECOND;
/** Whoever works on a host may shut it down; a machine that stays away is told all the same. */
const LOST_IN_MAINTENANCE_MS = 15 * MINUTE;
/** Who came to bring the host back may be about to decide. */
const ASIDE_RIPE_MS = 2 * MINUTE;

type Rule = (status: PairStatus, world: World) => Condition | null;
const RULES: readonly Rule[] = [lost, aside];

/** What the standby of a machine has to tell of it. */
export const standbyConditions = (status: PairStatus, world: World): Condition[] =>
  RULES.flatMap((rule) => rule(status, world) ?? []);

/** Its host is silent, and this one does not take over: somebody has to. */
function lost(status: PairStatus, world: World): Condition | null {
  const { record, spec, peer, lease, local } = status;
  if (peer.reachable || record.owner !== peer.hostId || local.kind !== 'standby') return null;
  const owner = world.nameOf(record.owner);
  const { pairId, workload } = spec;
  const planned = underMaintenance(status, world.now);
  return {
    id: `lost:${pairId}:${record.epoch.n}`,
    kind: 'lost',
    severity: planned ? 'soon' : 'urgent',
    ripeMs: planned ? LOST_IN_MAINTENANCE_MS : LOST_RIPE_MS + lease.holdMs,
    latched: false,
    pairId,
    subject: workload.name,
    does: `may be down: ${owner} does not answer, and nobody takes over`,
    doMany: `may be down: ${owner} does not answer, and nobody takes over`,
    details: [
      `${owner} has not answered since ${clockTime(peer.since, world.now, world.zone)}. Whether the machine still runs there nobody can say from ${world.self.name}.`,
      whyNot(status, world),
    ],
    next: `A decision is needed. Look whether ${owner} is on; if it is lost, choose "Fail over" in the console: it shows what is known and what would be lost.`,
    covers: [`silent:${record.owner}`],
  };
}

function whyNot({ record }: PairStatus, { self, now }: World): string {
  if (record.policy !== 'automatic') return `${self.name} does not step in: failover is set to manual.`;
  if (record.paused) return `${self.name} does not step in: all automation is paused.`;
  if (record.maintenance !== null && record.maintenance.until > now)
    return `${self.name} does not step in: maintenance is under way (${record.maintenance.reason}).`;
  if (!record.armed)
    return `${self.name} does not step in by itself: when last heard its copy was ${record.replica.state === 'in-sync' ? 'whole, but automation was not ready' : 'not whole'}.`;
  return `${self.name} does not step in by itself: it hears too few of the others to be sure.`;
}

/** This host ran it once, was superseded, and keeps the old copy until a person decides. */
function aside(status: PairStatus, world: World): Condition | null {
  const { spec, local, record } = status;
  if (local.kind !== 'quarantined') return null;
  const owner = world.nameOf(record.owner);
  return {
    id: `aside:${spec.pairId}:${local.supersededBy.n}`,
    kind: 'decision',
    severity: 'soon',
    ripeMs: ASIDE_RIPE_MS,
    latched: false,
    pairId: spec.pairId,
    subject: spec.workload.name,
    does: `waits for your decision: ${world.self.name} is back with its old copy`,
    doMany: `wait for your decision: ${world.self.name} is back with its old copies`,
    details: [`It runs on ${owner}, without a standby until then.`],
    next: `Choose "Copy again" in the console to make ${world.self.name} the standby. The old copy is set aside, not deleted.`,
    covers: [],
  };
}
