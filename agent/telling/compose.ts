import type { Severity, TellingSettings } from '../protocol/index.ts';
import type { Message, MessageItem, Waiting } from './book.ts';
import { fullTime } from './quiet.ts';
import { listed } from './words.ts';

/** Groups told in full; the rest is counted. */
const MOST_ITEMS = 10;
const RANK: Record<Severity, number> = { urgent: 0, soon: 1, recovered: 2 };

interface Teller {
  settings: TellingSettings;
  now: number;
  self: { name: string };
  newId(): string;
}

/** One message of all that is due: what is alike is one item, the most urgent first. */
export function compose(due: Waiting[], { settings, now, self, newId }: Teller): Message {
  const items = grouped(due).sort((a, b) => RANK[a.severity] - RANK[b.severity]);
  const shown = items.slice(0, MOST_ITEMS);
  const more = items.slice(MOST_ITEMS).reduce((sum, { ids }) => sum + ids.length, 0);
  const [first] = shown;
  const others = due.length - (first?.ids.length ?? 0);
  const title = `${first?.title ?? ''}${others > 0 ? `, and ${others} more` : ''}`;
  const id = newId();
  const waiting = { state: 'waiting' as const, attempts: 0, at: null, problem: null };
  return {
    id,
    at: now,
    severity: first?.severity ?? 'soon',
    title,
    text: textOf(shown, more, { id, at: now, zone: settings.zone, name: self.name }),
    items: shown,
    more,
    covers: [...new Set(due.flatMap(({ covers }) => covers))],
    deliveries: { mail: settings.mail && waiting, hook: settings.hook && waiting },
  };
}

/** Machines of which the same is said, and of which the same comes next, are named in one breath. */
function grouped(due: Waiting[]): MessageItem[] {
  const groups = new Map<string, Waiting[]>();
  for (const each of due) {
    const key = JSON.stringify([each.severity, each.does]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map(itemOf);
}

function itemOf(group: Waiting[]): MessageItem {
  const subjects = [...new Set(group.map(({ subject }) => subject))];
  const [first] = group;
  const does = subjects.length > 1 ? first?.doMany : first?.does;
  return {
    ids: group.map(({ id }) => id),
    kind: first?.kind ?? 'decision',
    severity: first?.severity ?? 'soon',
    pairIds: group.flatMap(({ pairId }) => pairId ?? []),
    title: `${listed(subjects)} ${does ?? ''}`,
    details: detailsOf(group, subjects.length > 1),
    next: [...new Set(group.map(({ next }) => next).filter(Boolean))].slice(0, 3).join(' '),
  };
}

/** What holds of all of them once; what is different is said of whom it is said. */
function detailsOf(group: Waiting[], many: boolean): string[] {
  const all = [...new Set(group.flatMap(({ details }) => details))];
  return all.map((detail) => {
    const said = group.filter(({ details }) => details.includes(detail));
    return many && said.length < group.length
      ? `${listed([...new Set(said.map(({ subject }) => subject))])}: ${detail}`
      : detail;
  });
}

function textOf(
  items: MessageItem[],
  more: number,
  { id, at, zone, name }: { id: string; at: number; zone: string; name: string },
): string {
  const parts = items.map(({ title, details, next }) =>
    [`${title}.`, ...details, ...(next ? [`What to do: ${next}`] : [])].join('\n'),
  );
  if (more > 0) parts.push(`And ${more} more: open the console for all of it.`);
  parts.push(`-- \nTold by the Understudy agent on ${name}, ${fullTime(at, zone)}.\nMessage ${id}`);
  return `${parts.join('\n\n')}\n`;
}

/** A line each of what waits, for the console. */
export const waitingLines = (waiting: readonly Waiting[]): string[] =>
  grouped([...waiting]).map(({ title }) => `${title}.`);
