/** Of several runs: the middle one and the worst, in seconds. */
export interface Figure {
  median: number;
  max: number;
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** Null when nothing was measured. */
export function figure(values: readonly (number | null)[]): Figure | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  const [median, max] = [((low ?? 0) + (high ?? 0)) / 2, sorted.at(-1) ?? 0];
  return { median: rounded(median), max: rounded(max) };
}
