import {
  type RtoMeasure,
  rpoStanding,
  rtoStanding,
  type Standing,
  secondsAtRisk,
} from '../../agent/protocol/objectives.ts';
import type { ObjectivesView, PairView } from '../../src-main/contract/index.ts';
import { bytes } from './format.ts';
import { m } from './messages.ts';
import { duration, span } from './time.ts';

const words = m.objectives;

/** A target, as a person entered it: "0 s", "30 s", "15 min". */
export const target = (seconds: number | null): string =>
  seconds === null
    ? words.noTarget
    : seconds % 60 === 0 || seconds < 90
      ? span(seconds * 1_000)
      : `${seconds} s`;

/** `now`: the owner's wall clock, ms. */
export function rpoOf({ targets, atRisk }: ObjectivesView, now: number): Standing {
  return rpoStanding(targets, atRisk, now);
}

export function rtoOf({ targets, measure, maxAgeMs }: ObjectivesView, now: number): Standing {
  return rtoStanding(targets, measure, maxAgeMs, now);
}

const WORST: readonly Standing[] = ['missed', 'unmeasured', 'near', 'met', 'no-target'];

/** Of both targets, the one that needs somebody most. */
export function worstOf(view: ObjectivesView, now: number): Standing {
  const both = [rpoOf(view, now), rtoOf(view, now)];
  return WORST.find((standing) => both.includes(standing)) ?? 'no-target';
}

/** What a failure would cost now, in words. */
export function riskInWords({ atRisk }: ObjectivesView, now: number): string {
  if (atRisk === null || atRisk.kind === 'unknown') return words.unknown;
  if (atRisk.kind === 'nothing') return words.nothing;
  const seconds = secondsAtRisk(atRisk, now);
  if (seconds === null) return words.noCopy;
  if (atRisk.bytes === 0) return words.idle(span(seconds * 1_000));
  return words.lost(span(seconds * 1_000), atRisk.bytes === null ? null : bytes(atRisk.bytes));
}

/** `when`: how long ago that was. */
export const measureInWords = ({ ms, source }: RtoMeasure, when: string): string =>
  words.measured(duration(ms), words.sources[source], when);

export const STANDING_LOOKS = {
  'no-target': { tone: 'neutral', icon: 'ring' },
  unmeasured: { tone: 'attention', icon: 'question' },
  met: { tone: 'ok', icon: 'check' },
  near: { tone: 'attention', icon: 'clock' },
  missed: { tone: 'danger', icon: 'alert' },
} as const;

/** On the map and in lists: what is at risk, when it is more than it may be; null otherwise. */
export function missedMark(
  pair: PairView,
  now: number,
): { tone: 'attention'; icon: 'clock'; word: string } | null {
  const view = pair.objectives;
  if (!view || rpoOf(view, now) !== 'missed' || view.atRisk === null) return null;
  const seconds = secondsAtRisk(view.atRisk, now);
  const wanted = target(view.targets.rpoS);
  const word = seconds === null ? words.markNoCopy(wanted) : words.mark(span(seconds * 1_000), wanted);
  return { tone: 'attention', icon: 'clock', word };
}
