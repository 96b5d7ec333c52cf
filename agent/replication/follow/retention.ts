import type { RestorePoint, Retention } from '../../protocol/index.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The epoch's first day was a Thursday: three days into a week that begins on Monday. */
const FROM_MONDAY = 3;

const hourOf = (at: number): number => Math.floor(at / HOUR_MS);
const dayOf = (at: number): number => Math.floor(at / DAY_MS);
const weekOf = (at: number): number => Math.floor((dayOf(at) + FROM_MONDAY) / 7);

/** Ids of the points that a rule keeps. The newest one always stays: without it there would be no copy. */
export function keptBy(points: readonly Pick<RestorePoint, 'id' | 'at'>[], rule: Retention): Set<string> {
  const newestFirst = [...points].sort((a, b) => b.at - a.at);
  const kept = new Set(newestFirst.slice(0, Math.max(1, rule.last)).map(({ id }) => id));
  const newestOfEach = (count: number, bucketOf: (at: number) => number): void => {
    const seen = new Set<number>();
    for (const { id, at } of newestFirst) {
      const bucket = bucketOf(at);
      if (seen.has(bucket)) continue;
      if (seen.size === count) return;
      seen.add(bucket);
      kept.add(id);
    }
  };
  newestOfEach(rule.hourly, hourOf);
  newestOfEach(rule.daily, dayOf);
  newestOfEach(rule.weekly, weekOf);
  return kept;
}
