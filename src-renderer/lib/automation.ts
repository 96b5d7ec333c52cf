import { assertNever } from '../../agent/protocol/problem.ts';
import type { FleetSnapshot, Obstacle, PairView } from '../../src-main/contract/index.ts';
import { stepsInAfterMs } from '../../src-main/contract/what-if.ts';
import { m } from './messages.ts';
import type { Mark } from './pair-state.ts';
import { to } from './router.ts';
import { span } from './time.ts';

/** A voter not heard for longer than its hold is missing. */
const SLACK_MS = 1_500;

/** The shield: never by colour alone. */
export function automationMark(pair: PairView): Mark {
  const { armed, policy, paused, maintenance, obstacles } = pair.automation;
  const words = m.automation.state;
  if (armed) return { tone: 'ok', icon: 'shieldCheck', word: words.armed };
  if (maintenance !== null) return { tone: 'attention', icon: 'wrench', word: words.maintenance };
  if (paused) return { tone: 'attention', icon: 'pause', word: words.paused };
  if (policy !== 'automatic') return { tone: 'neutral', icon: 'hand', word: words.manual };
  if (obstacles.length === 0) return { tone: 'progress', icon: 'clock', word: words.arming };
  return { tone: 'attention', icon: 'shieldOff', word: words.notArmed };
}

/** Automatic by the person's wish, and yet nothing would start by itself, for another reason than that wish. */
export function isUnarmedByFault(pair: PairView): boolean {
  const { armed, policy, paused, maintenance, obstacles } = pair.automation;
  return !armed && policy === 'automatic' && !paused && maintenance === null && obstacles.length > 0;
}

/** What is told first of several obstacles: a copy under way or a decision comes after what is broken. */
export function foremostObstacle(pair: PairView): Obstacle | null {
  const rank = (each: Obstacle): number =>
    each.kind === 'not-in-sync' ? 1 : each.kind === 'policy-manual' ? 2 : 0;
  return [...pair.automation.obstacles].sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

/** After how long an armed standby starts its machine. Computed from the votes' real hold. */
export const startsAfterMs = stepsInAfterMs;

export interface MendAction {
  label: string;
  /** A place to go to; null: an order that `mend` gives at once. */
  href: string | null;
}

export function mendAction(pair: PairView, obstacle: Obstacle, fleet: FleetSnapshot): MendAction | null {
  const words = m.automation.mend;
  switch (obstacle.mend) {
    case 'policy':
      return { label: words.policy, href: to.pair(pair.id, 'automation') };
    case 'witness':
      return { label: words.witness, href: to.witness({ pairId: pair.id }) };
    case 'resume':
      return { label: words.resume, href: null };
    case 'maintenance':
      return { label: words.maintenance, href: null };
    case 'drill':
      return { label: words.drill, href: to.pair(pair.id, 'drill') };
    case 'return':
      return { label: words.return, href: to.pair(pair.id, 'return') };
    case 'host': {
      const host = fleet.hosts[obstacle.hostId ?? ''];
      return host ? { label: words.host(host.name), href: to.host(host.id) } : null;
    }
    case null:
      return null;
    default:
      return assertNever(obstacle.mend);
  }
}

/** The lease in words; it goes on between two messages of the agents, so `now` is part of it. */
export function leaseSentence(pair: PairView, fleet: FleetSnapshot, now: number): string {
  const words = m.automation.lease;
  const name = (id: string): string => fleet.hosts[id]?.name ?? id;
  const { lease, armed } = pair.automation;
  const coming = countdown(pair, fleet, now);
  if (coming !== null) return coming;
  if (lease === null || !armed) return words.none;
  if (lease.renewedAt === null || lease.endsAt === null || lease.holder === null || lease.endsAt <= now)
    return words.out(name(pair.primary));
  const renewed = words.renewed(span(Math.max(0, now - lease.renewedAt)));
  const who =
    lease.saidBy === pair.primary
      ? words.untilRenewed(name(lease.holder))
      : words.standbyKeeps(name(lease.saidBy), name(lease.holder));
  return `${who}; ${renewed}.`;
}

/** "boreas steps in in 2 s unless atlas is heard." Null unless it is about to. */
export function countdown(pair: PairView, fleet: FleetSnapshot, now: number): string | null {
  const coming = pair.automation.stepsIn;
  if (coming === null) return null;
  const words = m.automation.lease;
  const standby = fleet.hosts[coming.hostId]?.name ?? coming.hostId;
  const left = coming.at - now;
  if (left <= 0) return words.stepping(standby);
  return words.countdown(
    standby,
    fleet.hosts[pair.primary]?.name ?? pair.primary,
    span(Math.ceil(left / 100) * 100),
  );
}

/** The voter's dot and its words. */
export function voterMark(
  pair: PairView,
  voter: NonNullable<PairView['automation']['lease']>['voters'][number],
  now: number,
): Mark {
  const words = m.automation.votes;
  const hold = pair.automation.lease?.holdMs ?? 0;
  if (voter.heardAt === null) return { tone: 'attention', icon: 'question', word: words.never };
  const silent = now - voter.heardAt;
  if (voter.as === 'owner' && pair.automation.stepsIn !== null)
    return { tone: 'danger', icon: 'unlinked', word: words.missing(span(silent)) };
  if (silent > hold + SLACK_MS)
    return { tone: 'attention', icon: 'unlinked', word: words.missing(span(silent)) };
  if (!voter.current) return { tone: 'progress', icon: 'clock', word: words.behind };
  return { tone: 'ok', icon: 'check', word: words.heard(span(Math.max(0, silent))) };
}

export interface PauseState {
  pairs: number;
  paused: number;
  /** Pairs that are set to start by themselves. */
  automatic: number;
  /** Nothing is protected, so there is nothing to pause. */
  empty: boolean;
}

export function pauseState(fleet: FleetSnapshot): PauseState {
  const pairs = Object.values(fleet.pairs);
  return {
    pairs: pairs.length,
    paused: pairs.filter((pair) => pair.automation.paused).length,
    automatic: pairs.filter((pair) => pair.automation.policy === 'automatic').length,
    empty: pairs.length === 0,
  };
}

/** Pairs in maintenance now, and when the last of them ends. */
export function maintenanceState(fleet: FleetSnapshot): { pairs: PairView[]; until: number } {
  const pairs = Object.values(fleet.pairs).filter((pair) => pair.automation.maintenance !== null);
  return { pairs, until: Math.max(0, ...pairs.map((pair) => pair.automation.maintenance?.until ?? 0)) };
}
