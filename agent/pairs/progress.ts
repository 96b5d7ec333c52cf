import type { TaskProgress } from '../protocol/index.ts';

/** A transfer as its task tells it; the time that remains only where a rate is known. */
export const transferred = (doneBytes: number, totalBytes: number, rateBps: number): TaskProgress => ({
  doneBytes,
  totalBytes,
  rateBps,
  remainingS: rateBps > 0 ? Math.ceil((totalBytes - doneBytes) / rateBps) : null,
});

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0)} MiB`;
