import { assertNever } from '../../agent/protocol/problem.ts';
import type { FleetSnapshot, HostView, MemberStatus, PairView } from '../../src-main/contract/index.ts';
import { percent, share } from './format.ts';
import { m } from './messages.ts';
import { missedMark } from './objectives.ts';
import { span } from './time.ts';

export type Tone = 'ok' | 'attention' | 'danger' | 'progress' | 'neutral';
export type MarkIcon =
  | 'check'
  | 'copy'
  | 'pause'
  | 'alert'
  | 'cross'
  | 'unlinked'
  | 'question'
  | 'stop'
  | 'clock'
  | 'aside'
  | 'play'
  | 'ring'
  | 'swap'
  | 'shieldCheck'
  | 'shieldOff'
  | 'wrench'
  | 'hand'
  | 'snow';

/** A state as it is always shown: never by colour alone. */
export interface Mark {
  tone: Tone;
  icon: MarkIcon;
  word: string;
}

/** The host is not known to be lost: it waits for the person, e.g. for a password. */
export function isLocked(host: HostView): boolean {
  return host.connection.state === 'offline' && host.connection.retryAt === null;
}

/** What the pair's owner said last of its own side. */
export function ownerStatus(pair: PairView): MemberStatus | null {
  return pair.members[pair.primary]?.status ?? null;
}

/** Share of the running copy that is done, 0..1; null when none runs. */
export function copyShare(pair: PairView): number | null {
  const mirror = ownerStatus(pair)?.mirror;
  if (mirror?.state !== 'copying' || mirror.totalBytes <= 0) return null;
  return share(mirror.doneBytes, mirror.totalBytes);
}

/** Pairs whose machine is on its way to the other host, by an order that runs now. */
export function movingPairs(fleet: FleetSnapshot): Set<string> {
  const moving = new Set<string>();
  for (const { task } of Object.values(fleet.tasks)) {
    const moves = task.kind === 'switchover' || task.kind === 'failover';
    if (moves && task.state === 'running') moving.add(task.pairId);
  }
  return moving;
}

/** States in which the machine runs, and how old its copy is matters most. */
const AT_RISK: readonly PairView['health'][] = [
  'in-sync',
  'following',
  'behind',
  'not-in-sync',
  'standby-lost',
];

export function pairMark(pair: PairView, moving = false, now = Date.now()): Mark {
  const words = m.pairs.state;
  if (moving) return { tone: 'progress', icon: 'swap', word: words.moving };
  // More is at risk than may be: said instead of the state it comes from.
  const missed = AT_RISK.includes(pair.health) ? missedMark(pair, now) : null;
  if (missed) return missed;
  switch (pair.health) {
    case 'in-sync':
      return { tone: 'ok', icon: 'check', word: pair.stale ? words.inSyncWhenHeard : words.inSync };
    case 'copying':
      return { tone: 'progress', icon: 'copy', word: copyWord(pair) };
    case 'following':
      return followingMark(pair, now);
    case 'behind':
      return { tone: 'attention', icon: 'clock', word: words.behind };
    case 'held':
      return { tone: 'attention', icon: 'pause', word: words.held };
    case 'not-in-sync':
      return { tone: 'attention', icon: 'alert', word: words.notInSync };
    case 'primary-lost':
      return { tone: 'danger', icon: 'cross', word: words.primaryLost };
    case 'standby-lost':
      return { tone: 'attention', icon: 'unlinked', word: words.standbyLost };
    case 'unknown':
      return { tone: 'danger', icon: 'question', word: words.unknown };
    case 'stopped':
      return { tone: 'attention', icon: 'stop', word: words.stopped };
    case 'waiting':
      return { tone: 'attention', icon: 'clock', word: words.waiting };
    case 'quarantined':
      return { tone: 'attention', icon: 'aside', word: words.quarantined };
    case 'stepping-in':
      return { tone: 'danger', icon: 'clock', word: words.steppingIn };
    case 'frozen':
      return { tone: 'danger', icon: 'snow', word: words.frozen };
    default:
      return assertNever(pair.health);
  }
}

/** What is at risk now, in time. */
function followingMark({ replication }: PairView, now: number): Mark {
  const { wholeUntil = null, alarm = null } = replication.follow ?? {};
  const until = wholeUntil ?? replication.point?.at ?? null;
  const words = m.pairs.state;
  const word = until === null ? words.followingUnknown : words.following(span(Math.max(0, now - until)));
  return alarm === null ? { tone: 'ok', icon: 'check', word } : { tone: 'attention', icon: 'clock', word };
}

function copyWord(pair: PairView): string {
  const done = copyShare(pair);
  if (done === null) return m.pairs.state.preparing;
  const first = ownerStatus(pair)?.record.replica.point === null;
  return first ? m.pairs.state.firstCopy(percent(done)) : m.pairs.state.copying(percent(done));
}
