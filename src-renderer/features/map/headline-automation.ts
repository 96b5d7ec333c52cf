import type { FleetSnapshot, PairView } from '../../../src-main/contract/index.ts';
import {
  countdown,
  foremostObstacle,
  isUnarmedByFault,
  mendAction,
  startsAfterMs,
} from '../../lib/automation.ts';
import { m } from '../../lib/messages.ts';
import { to } from '../../lib/router.ts';
import { clock, span } from '../../lib/time.ts';
import {
  byName,
  type Headline,
  type HeadlineAction,
  hostName,
  pairHeadline,
  withHealth,
  words,
} from './headline-parts.ts';

/** What the headline knows of the failover core: who steps in, what is frozen, what is not armed and why. */

export function steppingIn(fleet: FleetSnapshot, now: number): Headline | null {
  const [pair] = withHealth(fleet, 'stepping-in');
  if (!pair) return null;
  const names = withHealth(fleet, 'stepping-in')
    .filter((other) => other.primary === pair.primary)
    .map((other) => other.name);
  return {
    tone: 'danger',
    icon: 'clock',
    text: words.steppingIn(hostName(fleet, pair.primary), names),
    detail: countdown(pair, fleet, now) ?? pair.sentence,
    action: { label: words.follow, href: to.pair(pair.id) },
  };
}

export function frozen(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'frozen');
  if (!pair) return null;
  const host = hostName(fleet, pair.primary);
  const text = words.frozen(pair.name, host);
  return pairHeadline(pair, 'danger', 'snow', text, m.automation.frozenText(host));
}

/** A silent witness stops nothing; what it votes for loses its automation. */
export function witnessLost(fleet: FleetSnapshot, now: number): Headline | null {
  const silent = Object.values(fleet.hosts).filter(
    (host) => host.role === 'witness' && host.connection.state === 'offline',
  );
  const votesFor = (hostId: string): PairView[] =>
    Object.values(fleet.pairs).filter((pair) => pair.automation.witness?.hostId === hostId);
  const [host] = silent.sort((a, b) => votesFor(b.id).length - votesFor(a.id).length);
  if (host?.connection.state !== 'offline') return null;
  const since = words.noAnswerSince(clock(host.connection.since, now));
  return {
    tone: 'attention',
    icon: 'unlinked',
    text: words.hostLost(host.name),
    detail: `${since} ${words.witnessLost(names(votesFor(host.id)))}`,
    action: { label: words.seeHost(host.name), href: to.host(host.id) },
  };
}

/** Automatic by wish, and yet nothing would start: named, with the reason and the button that mends it. */
export function notArmed(fleet: FleetSnapshot): Headline | null {
  const unarmed = Object.values(fleet.pairs)
    .filter((pair) => isUnarmedByFault(pair) && pair.health === 'in-sync')
    .sort(byName);
  const [pair] = unarmed;
  const obstacle = pair ? foremostObstacle(pair) : null;
  if (!pair || !obstacle) return null;
  const mend = mendAction(pair, obstacle, fleet);
  const action: HeadlineAction =
    mend === null
      ? { label: words.look(pair.name), href: to.pair(pair.id) }
      : { ...mend, ...(mend.href === null ? { mend: { pairId: pair.id, obstacle } } : {}) };
  return {
    tone: 'attention',
    icon: 'shieldOff',
    text: words.notArmed(unarmed.map((each) => each.name)),
    detail: `${unarmed.length > 1 ? `${pair.name}: ` : ''}${obstacle.text}`,
    action,
  };
}

/** When all is well: what would make it better. */
export function nextStep(fleet: FleetSnapshot): HeadlineAction | null {
  const pairs = Object.values(fleet.pairs);
  if (pairs.length === 0 || pairs.some((pair) => pair.automation.witness !== null)) return null;
  return { label: words.chooseWitness, href: to.witness() };
}

/** What the loss of the busiest host would mean. */
export function worstLoss(fleet: FleetSnapshot): string {
  const ready = Object.values(fleet.pairs).filter(
    (pair) => pair.health === 'in-sync' || pair.health === 'following',
  );
  const byHost = new Map<string, PairView[]>();
  for (const pair of ready) byHost.set(pair.primary, [...(byHost.get(pair.primary) ?? []), pair]);
  const armedOn = (on: PairView[]): number => on.filter((pair) => pair.automation.armed).length;
  // Among equals the one of which most is to be told, then by name, so that the sentence stays.
  const [worst] = [...byHost].sort(
    ([hostA, a], [hostB, b]) =>
      b.length - a.length ||
      armedOn(b) - armedOn(a) ||
      hostName(fleet, hostA).localeCompare(hostName(fleet, hostB), 'en'),
  );
  if (!worst) return '';
  const [hostId, pairs] = worst;
  const host = hostName(fleet, hostId);
  const armed = pairs.filter((pair) => pair.automation.armed);
  const waiting = pairs.filter((pair) => !pair.automation.armed);
  if (armed.length === 0) {
    const paused = pairs.some((pair) => pair.automation.paused) ? ` ${words.paused}` : '';
    return `${words.ifFails(host, names(waiting), standbys(fleet, waiting))}${paused}`;
  }
  const after = span(Math.max(...armed.map(startsAfterMs)));
  const first = words.startsItself(host, names(armed), standbys(fleet, armed), after);
  return waiting.length === 0 ? first : `${first} ${words.waitsForYou(names(waiting))}`;
}

const names = (pairs: PairView[]): string[] => pairs.map((pair) => pair.name).sort();

const standbys = (fleet: FleetSnapshot, pairs: PairView[]): string[] => [
  ...new Set(pairs.map((pair) => hostName(fleet, pair.standby))),
];
