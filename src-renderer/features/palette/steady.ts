import type { Entry } from './entry.ts';

export const keyOf = ({ href, label, detail }: Entry): string => `${href} ${label} ${detail}`;

/**
 * What is found anew for the same text, in the order in which it was shown: what comes in time is added below, so that
 * nothing slips under the pointer, or under the Enter key, of a person who was about to choose.
 */
export function steady(shown: readonly Entry[], found: readonly Entry[]): Entry[] {
  const now = new Map(found.map((entry) => [keyOf(entry), entry]));
  const known = new Set(shown.map(keyOf));
  const kept = shown.flatMap((entry) => now.get(keyOf(entry)) ?? []);
  return [...kept, ...found.filter((entry) => !known.has(keyOf(entry)))];
}
