import type { FleetSnapshot, HostView, PairView } from '../../../src-main/contract/index.ts';
import { percent } from '../../lib/format.ts';
import { copyShare, movingPairs, ownerStatus } from '../../lib/pair-state.ts';
import { to } from '../../lib/router.ts';
import { clock, remaining } from '../../lib/time.ts';
import { frozen, nextStep, notArmed, steppingIn, witnessLost, worstLoss } from './headline-automation.ts';
import { changed } from './headline-changes.ts';
import { targetMissed } from './headline-objectives.ts';
import {
  type Headline,
  hostName,
  hypervisors,
  pairHeadline,
  type Rule,
  withHealth,
  words,
} from './headline-parts.ts';
import { unprotected } from './layout.ts';

/** The first rule that has something to say is the most urgent. */
const RULES: readonly Rule[] = [
  locked,
  steppingIn,
  primaryLost,
  frozen,
  neitherAnswers,
  waiting,
  moving,
  quarantined,
  held,
  stopped,
  hostLost,
  changed,
  notInSync,
  behind,
  targetMissed,
  witnessLost,
  notArmed,
  copying,
  tooFew,
  someUnprotected,
];

/** The window's title and the map ask for the same one, and a large fleet changes many times a second. */
let last: { fleet: FleetSnapshot; now: number; found: Headline } | null = null;

export function headline(fleet: FleetSnapshot, now: number): Headline {
  if (last?.fleet === fleet && last.now === now) return last.found;
  last = { fleet, now, found: firstOf(fleet, now) };
  return last.found;
}

function firstOf(fleet: FleetSnapshot, now: number): Headline {
  for (const rule of RULES) {
    const found = rule(fleet, now);
    if (found) return found;
  }
  return allWell(fleet);
}

/** No host is lost: this console may not log in to them, e.g. since it forgot the passwords when it was restarted. */
function locked(fleet: FleetSnapshot): Headline | null {
  const silent = Object.values(fleet.hosts).flatMap(({ id, name, connection }) =>
    connection.state === 'offline' ? [{ id, name, connection }] : [],
  );
  const [first] = silent;
  if (!first || silent.some(({ connection }) => connection.retryAt !== null)) return null;
  const { message, next } = first.connection.problem;
  return {
    tone: 'attention',
    icon: 'question',
    text: words.locked(silent.map(({ name }) => name)),
    detail: `${message} ${next}`,
    action: { label: words.seeHost(first.name), href: to.host(first.id) },
  };
}

function primaryLost(fleet: FleetSnapshot, now: number): Headline | null {
  const [pair] = withHealth(fleet, 'primary-lost');
  if (!pair) return null;
  const names = withHealth(fleet, 'primary-lost')
    .filter((other) => other.primary === pair.primary)
    .map((other) => other.name);
  return {
    tone: 'danger',
    icon: 'cross',
    text: words.lostHost(hostName(fleet, pair.primary), names),
    detail: words.lostHostDetail(clock(pair.since, now), hostName(fleet, pair.standby)),
    action: { label: words.failover(pair.name), href: to.pair(pair.id, 'failover') },
  };
}

function neitherAnswers(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'unknown');
  if (!pair) return null;
  return pairHeadline(pair, 'danger', 'question', words.unknown(pair.name), pair.sentence);
}

function waiting(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'waiting');
  if (!pair) return null;
  const text = words.waiting(hostName(fleet, pair.primary), pair.name);
  return pairHeadline(pair, 'attention', 'clock', text, words.waitingDetail(hostName(fleet, pair.standby)));
}

function quarantined(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'quarantined');
  if (!pair) return null;
  const back = hostName(fleet, pair.standby);
  return {
    tone: 'attention',
    icon: 'aside',
    text: words.quarantined(back, pair.name),
    detail: words.quarantinedDetail(pair.name, hostName(fleet, pair.primary)),
    action: { label: words.decide(back), href: to.pair(pair.id, 'return') },
  };
}

function moving(fleet: FleetSnapshot): Headline | null {
  const ids = movingPairs(fleet);
  const pair = Object.values(fleet.pairs).find((each) => ids.has(each.id));
  if (!pair) return null;
  const action = { label: words.follow, href: to.pair(pair.id) };
  return { tone: 'progress', icon: 'swap', text: words.moving(pair.name), detail: pair.sentence, action };
}

function held(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'held');
  return pair ? pairHeadline(pair, 'attention', 'pause', words.held(pair.name), pair.sentence) : null;
}

function stopped(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'stopped');
  if (!pair) return null;
  const detail = words.stoppedDetail(hostName(fleet, pair.primary));
  return pairHeadline(pair, 'attention', 'stop', words.stopped(pair.name), detail);
}

function notInSync(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'not-in-sync');
  if (!pair) return null;
  return {
    tone: 'attention',
    icon: 'alert',
    text: words.notInSync(pair.name),
    detail: pair.sentence,
    action: { label: words.copyAgain(pair.name), href: to.pair(pair.id, 'return') },
  };
}

/** Kept by points, and points do not come about. */
function behind(fleet: FleetSnapshot): Headline | null {
  const [pair] = withHealth(fleet, 'behind');
  return pair ? pairHeadline(pair, 'attention', 'clock', words.behind(pair.name), pair.sentence) : null;
}

function hostLost(fleet: FleetSnapshot, now: number): Headline | null {
  const host = hypervisors(fleet).find((each) => each.connection.state === 'offline');
  if (!host) return null;
  const left = withHealth(fleet, 'standby-lost').filter((pair) => pair.standby === host.id);
  const rescued = left.filter((pair) => pair.onStageSince !== null);
  const action = { label: words.seeHost(host.name), href: to.host(host.id) };
  if (rescued.length > 0) return onStage(fleet, host, rescued, action);
  const names = left.map((pair) => pair.name);
  return {
    tone: names.length > 0 ? 'attention' : 'danger',
    icon: 'unlinked',
    text: words.hostLost(host.name),
    detail: [
      words.noAnswerSince(clock(host.connection.since, now)),
      names.length > 0 ? words.withoutStandby(names) : '',
      downWith(fleet, host),
    ]
      .filter(Boolean)
      .join(' '),
    action,
  };
}

/** The host is gone and its machines run elsewhere: what is left to know. */
function onStage(
  fleet: FleetSnapshot,
  host: HostView,
  rescued: PairView[],
  action: Headline['action'],
): Headline {
  const names = rescued.map((pair) => pair.name);
  const places = [...new Set(rescued.map((pair) => hostName(fleet, pair.primary)))];
  const also = downWith(fleet, host);
  return {
    tone: 'attention',
    icon: 'play',
    text: words.cameBack(host.name, names, places),
    detail: `${also || words.nothingAsked} ${words.staysAside(host.name)}`,
    action,
  };
}

/** Machines without a standby that were lost with the host. */
function downWith(fleet: FleetSnapshot, host: HostView): string {
  const down = unprotected(fleet).filter((view) => view.hostId === host.id && view.vm.state === 'running');
  return down.length > 0 ? words.downWith(down.map((view) => view.vm.name)) : '';
}

function copying(fleet: FleetSnapshot): Headline | null {
  const all = withHealth(fleet, 'copying');
  const [pair] = all;
  if (!pair) return null;
  return {
    tone: 'progress',
    icon: 'copy',
    text: all.length === 1 ? words.copying(pair.name) : words.copyingMany(all.length),
    detail: copyDetail(pair),
    action: { label: words.follow, href: to.pair(pair.id) },
  };
}

function copyDetail(pair: PairView): string {
  const mirror = ownerStatus(pair)?.mirror;
  const done = copyShare(pair);
  if (!mirror || done === null) return pair.sentence;
  const seconds = mirror.rateBps > 0 ? (mirror.totalBytes - mirror.doneBytes) / mirror.rateBps : null;
  return words.copyingDetail(percent(done), seconds === null ? '' : remaining(seconds));
}

function tooFew(fleet: FleetSnapshot): Headline | null {
  const hosts = hypervisors(fleet);
  const machines = Object.keys(fleet.vms).length;
  const add = { label: words.addSecond, href: to.addHost };
  const [only] = hosts;
  if (hosts.length === 1 && only) return calm(words.oneHost(only.name), words.oneHostDetail(machines), add);
  if (hosts.length > 1 && machines === 0 && Object.keys(fleet.pairs).length === 0)
    return calm(words.noMachines, words.noMachinesDetail, null);
  return null;
}

function someUnprotected(fleet: FleetSnapshot): Headline | null {
  const alone = unprotected(fleet);
  const [first] = alone;
  if (!first) return null;
  const pairs = Object.keys(fleet.pairs).length;
  const protect =
    alone.length === 1
      ? {
          label: words.protect(first.vm.name),
          href: to.protect({ hostId: first.hostId, vmUuid: first.vm.uuid }),
        }
      : { label: words.protectOne, href: to.protect() };
  return calm(
    words.someProtected(pairs, pairs + alone.length),
    `${words.without(alone.map((view) => view.vm.name))} ${pairs > 0 ? worstLoss(fleet) : ''}`.trim(),
    protect,
  );
}

/** What the machines that are kept by points would lose; the others nothing. */
function whatIsLost(fleet: FleetSnapshot): string {
  const names = withHealth(fleet, 'following').map((pair) => pair.name);
  return names.length === 0 ? words.nothingLost : words.someLost(names);
}

function calm(text: string, detail: string, action: Headline['action']): Headline {
  return { tone: 'neutral', icon: 'check', text, detail, action };
}

function allWell(fleet: FleetSnapshot): Headline {
  return {
    tone: 'ok',
    icon: 'check',
    text: words.allProtected(Object.keys(fleet.pairs).length),
    detail: `${worstLoss(fleet)} ${whatIsLost(fleet)}`.trim(),
    action: nextStep(fleet),
  };
}
