import type { AuditView } from '../../../src-main/contract/index.ts';

/** Lines of the history, newest first, each once. */
export function joined(known: readonly AuditView[], views: readonly AuditView[]): AuditView[] {
  const all = new Map(known.map((view) => [view.key, view]));
  for (const view of views) all.set(view.key, view);
  return [...all.values()].sort((a, b) => b.entry.at - a.entry.at || b.entry.seq - a.entry.seq);
}

/** After a time without the console: its newest lines join those known, unless too many came meanwhile to be without a gap. */
export function caughtUp(known: readonly AuditView[], newest: readonly AuditView[]): AuditView[] {
  const seen = new Set(known.map(({ key }) => key));
  return joined(newest.some(({ key }) => seen.has(key)) ? known : [], newest);
}
