import {
  DRILL_DEFAULTS,
  type DrillResult,
  NO_OBJECTIVES,
  type RtoMeasure,
} from '../../../agent/protocol/index.ts';
import type { ObjectivesView } from '../../contract/index.ts';
import type { Joined } from './inputs.ts';
import { newestSpec } from './newest-spec.ts';

const DAY_MS = 24 * 3_600_000;

/** What both members say of the cost of a failure, and of how long it takes until the machine answers. */
export function objectivesOf({ owner, standby }: Joined): ObjectivesView | null {
  const words = [owner.word, standby.word].flatMap((word) => (word?.risk ? [word] : []));
  if (words.length === 0) return null;
  const spec = newestSpec({ owner, standby });
  const settings = spec?.drill ?? DRILL_DEFAULTS;
  const measures = words.flatMap(({ risk, drill }) => [
    ...(risk?.measures ?? []),
    ...(drill?.results ?? []).flatMap((result) => measureOf(result, settings.check.kind) ?? []),
  ]);
  return {
    targets: spec?.objectives ?? NO_OBJECTIVES,
    atRisk: owner.word?.risk?.atRisk ?? null,
    measure: newest(measures),
    maxAgeMs: settings.maxAgeDays * DAY_MS,
  };
}

export const newest = (measures: readonly RtoMeasure[]): RtoMeasure | null =>
  measures.reduce<RtoMeasure | null>((best, one) => (best === null || one.at > best.at ? one : best), null);

/** From the order to start the copy until its check's answer; null of a drill that was not passed. */
export function measureOf(
  { outcome, at, host, startMs, answerMs }: DrillResult,
  check: string,
): RtoMeasure | null {
  if (outcome !== 'passed' || startMs === null || answerMs === null) return null;
  // It was asked nothing, only watched for a while.
  const boots = check === 'boots';
  return {
    ...{ source: 'drill', at, host },
    ms: boots ? startMs : startMs + answerMs,
    until: boots ? 'running' : 'answer',
  };
}
