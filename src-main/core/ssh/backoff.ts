const FIRST_MS = 1000;
/** While a host has been away for minutes only it is probably rebooting, and somebody is watching. */
const MAX_SOON_MS = 8000;
const MAX_MS = 30_000;
const SOON_MS = 10 * 60_000;

/**
 * How long to wait before the next attempt: doubles from 1 s, up to 8 s in the first ten minutes and 30 s after.
 * Jitter of a quarter keeps many links from knocking together. `failures` counts from 1; `random` gives 0..1.
 */
export function backoffMs(failures: number, awayMs: number, random: () => number): number {
  const max = awayMs < SOON_MS ? MAX_SOON_MS : MAX_MS;
  const plain = Math.min(max, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return Math.round(plain * (0.75 + 0.25 * random()));
}
