import type { AuditView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { dayOf } from '../../lib/time.ts';

export interface Day {
  label: string;
  entries: AuditView[];
}

/** Entries, newest first, under the day they happened. */
export function groupByDay(entries: readonly AuditView[], now: number): Day[] {
  const days: Day[] = [];
  for (const view of entries) {
    const label = dayOf(view.entry.at, now, m.activity);
    const last = days.at(-1);
    if (last?.label === label) last.entries.push(view);
    else days.push({ label, entries: [view] });
  }
  return days;
}

/** How many entries of each side stand beside each other. */
const SHOWN = 8;

/** What one host told last, the oldest of it first: read as a story. */
export function lastOf(entries: readonly AuditView[], source: string): AuditView[] {
  return entries
    .filter((view) => view.source === source)
    .slice(0, SHOWN)
    .reverse();
}

/** Agents tell of themselves in parts of sentences ("takes over: epoch 2"): whose it is goes in front. */
export function sentenceOf({ entry, sourceName }: AuditView): string {
  return /[.!?]$/.test(entry.text) ? entry.text : `${sourceName}: ${entry.text}.`;
}

export type EventTone = 'order' | 'ok' | 'attention' | 'danger' | 'plain';

/** Event names are kebab-case words; what they end in or contain tells their weight. */
export function eventTone(event: string): EventTone {
  if (/(ordered|requested)$/.test(event)) return 'order';
  if (/failed(?!-over)|lost|lapsed|crashed|refused|damaged|frozen|froze|ended-by-guard|touched/.test(event))
    return 'danger';
  if (
    /broken|stale|held|quarantin|wait|unreachable|cancel|forced|taken-back|undone|missed|disarm|paus|ill$|faulted|used-up|released|goodbye|change-noticed|change-asks/.test(
      event,
    )
  )
    return 'attention';
  return /in-sync|done|started|returned|reachable|completed|began|-over$|took-over|armed|continue|renewed|well$|sound|added|mended|followed/.test(
    event,
  )
    ? 'ok'
    : 'plain';
}
