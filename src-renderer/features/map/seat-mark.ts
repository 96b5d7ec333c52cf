import type { VmState } from '../../../agent/protocol/host.ts';
import type { HostView, PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { isLocked, type Mark, pairMark } from '../../lib/pair-state.ts';
import { clock, span } from '../../lib/time.ts';
import type { Seat } from './layout.ts';

const place = m.pairs.place;

/** How a chip looks: filled where the machine is, outlined where its copy waits, faint where it was. */
export type SeatLook = 'filled' | 'outlined' | 'faint';

export interface SeatMark extends Mark {
  look: SeatLook;
  /** Came on stage here a short while ago. */
  onStage: boolean;
}

const seat = (look: SeatLook, mark: Mark, onStage = false): SeatMark => ({ ...mark, look, onStage });

export function seatMark(
  of: Seat,
  pair: PairView | null,
  host: HostView,
  now: number,
  moving = false,
): SeatMark {
  if (of.kind === 'alone' || pair === null) {
    return of.kind === 'alone' ? aloneMark(of.vm.vm.state, host) : seat('faint', unknownMark());
  }
  if (moving) return seat('outlined', pairMark(pair, true));
  if (isLocked(host)) return seat('faint', notKnown());
  return of.kind === 'primary'
    ? primaryMark(of.vm?.vm.state ?? null, pair, host, now)
    : standbyMark(pair, host, now);
}

function notKnown(): Mark {
  return { tone: 'neutral', icon: 'question', word: place.notKnown };
}

function unknownMark(): Mark {
  return { tone: 'neutral', icon: 'question', word: place.unknown };
}

function aloneMark(state: VmState, host: HostView): SeatMark {
  if (isLocked(host)) return seat('faint', notKnown());
  if (host.connection.state === 'offline')
    return seat('faint', { tone: 'danger', icon: 'cross', word: place.lost });
  return seat(state === 'running' ? 'filled' : 'faint', vmMark(state));
}

export function vmMark(state: VmState): Mark {
  switch (state) {
    case 'running':
      return { tone: 'neutral', icon: 'play', word: place.runs };
    case 'paused':
      return { tone: 'attention', icon: 'pause', word: place.paused };
    case 'stopped':
      return { tone: 'neutral', icon: 'stop', word: place.stopped };
    case 'crashed':
      return { tone: 'danger', icon: 'alert', word: place.crashed };
    case 'shutting-down':
      return { tone: 'neutral', icon: 'stop', word: place.shuttingDown };
    default:
      return unknownMark();
  }
}

function primaryMark(state: VmState | null, pair: PairView, host: HostView, now: number): SeatMark {
  if (host.connection.state === 'offline' || pair.health === 'primary-lost')
    return seat('faint', { tone: 'danger', icon: 'cross', word: place.lost });
  if (pair.health === 'stepping-in')
    return seat('faint', { tone: 'danger', icon: 'unlinked', word: place.notHeard });
  if (pair.health === 'frozen') return seat('faint', { tone: 'danger', icon: 'snow', word: place.frozen });
  if (pair.health === 'waiting')
    return seat('faint', { tone: 'attention', icon: 'clock', word: place.waiting });
  const since = pair.onStageSince;
  if (since?.hostId === host.id && state === 'running')
    return seat('filled', { tone: 'ok', icon: 'play', word: place.onStage(clock(since.at, now)) }, true);
  if (state === null) return seat('faint', unknownMark());
  return seat(state === 'running' || state === 'paused' ? 'filled' : 'faint', vmMark(state));
}

function standbyMark(pair: PairView, host: HostView, now: number): SeatMark {
  const coming = pair.automation.stepsIn;
  if (coming?.hostId === host.id) {
    const left = coming.at - now;
    const word = left > 0 ? place.stepsIn(span(Math.ceil(left / 1_000) * 1_000)) : place.stepping;
    return seat('outlined', { tone: 'danger', icon: 'clock', word });
  }
  if (pair.health === 'quarantined')
    return seat('outlined', { tone: 'attention', icon: 'aside', word: place.aside });
  if (host.connection.state === 'offline' || pair.health === 'standby-lost') return lostStandby(pair);
  if (pair.health === 'primary-lost')
    return seat('outlined', { tone: 'attention', icon: 'ring', word: place.ready });
  // What is the matter with the machine stands in its own chip; this one speaks of the copy.
  if (pair.health === 'stopped' || pair.health === 'waiting' || pair.health === 'frozen')
    return seat('outlined', { tone: 'neutral', icon: 'ring', word: place.standby });
  const mark = pairMark(pair, false, now);
  return seat('outlined', { ...mark, icon: mark.tone === 'ok' ? 'ring' : mark.icon });
}

/** After a failover the other side was the machine's place; otherwise it is a copy out of reach. */
function lostStandby(pair: PairView): SeatMark {
  return pair.onStageSince === null
    ? seat('faint', { tone: 'neutral', icon: 'unlinked', word: place.outOfReach })
    : seat('faint', { tone: 'neutral', icon: 'cross', word: place.wasHere });
}

/** The line between the two chips. */
export function linkLook(pair: PairView): 'solid' | 'moving' | 'dashed' | 'gone' {
  switch (pair.health) {
    case 'in-sync':
    case 'following':
      return 'solid';
    case 'copying':
      return 'moving';
    case 'held':
    case 'behind':
    case 'not-in-sync':
    case 'stopped':
      return 'dashed';
    default:
      return 'gone';
  }
}
