import type { TellingSettings } from '../protocol/index.ts';
import { type Book, type Message, type Open, pruned, type Waiting } from './book.ts';
import { compose } from './compose.ts';
import { type Condition, MINUTE, SECOND } from './condition.ts';
import type { Ending } from './over.ts';
import { isQuiet } from './quiet.ts';

/** A condition must be gone so long before it counts as over: what flaps is not news each time. */
const GONE_MS = 20 * SECOND;
/** What belongs together comes together: so long nothing new may have come, ... */
const SETTLE_MS = { urgent: 6 * SECOND, soon: 30 * SECOND, recovered: 10 * SECOND } as const;
/** ... but no longer than that is waited. */
const SETTLE_LIMIT_MS = { urgent: 20 * SECOND, soon: 2 * MINUTE, recovered: MINUTE } as const;
/** The ends of what one message told are told in one; who comes too late has his own. */
const TOGETHER_MS = 30 * MINUTE;
const HOUR_MS = 60 * MINUTE;
/** What another agent told and this one does not see is no concern of it after so long. */
const NOTED_MS = 10 * MINUTE;
/** Beyond the rate what is urgent still goes out, but so far apart. */
const URGENT_EVERY_MS = 5 * MINUTE;

export interface Input {
  conditions: Condition[];
  settings: TellingSettings;
  /** Wall clock, ms. */
  now: number;
  /** Who tells. */
  self: { hostId: string; name: string };
  /** How the end of a condition is told; null: not at all. */
  endingOf(open: Open): Ending | null;
  /** The agent with this host id is heard now. */
  isHeard(hostId: string): boolean;
  newId(): string;
}

/** One look: what began, what is over, and the message that is due, if one is. Pure. */
export function advance(book: Book, input: Input): { book: Book; message: Message | null } {
  const looked = ended(begun(book, input), input);
  const due = dueOf(looked, input);
  if (due.length === 0) return { book: same(book, looked), message: null };
  // What it was when it began to wait may have gone on meanwhile.
  const message = compose(
    due.map((each) => current(each, input)),
    input,
  );
  const ids = new Set(due);
  const told: Book = {
    ...looked,
    waiting: looked.waiting.filter((each) => !ids.has(each)),
    open: withCovers(
      looked.open.map((each) => toldBy(each, due, message.id)),
      message,
    ),
    messages: [message, ...looked.messages],
    sentAt: [...looked.sentAt.filter((at) => input.now - at < HOUR_MS), input.now],
  };
  return { book: pruned(told, input.now), message };
}

function current(each: Waiting, { conditions }: Input): Waiting {
  const now = each.severity === 'recovered' ? undefined : conditions.find(({ id }) => id === each.id);
  return now ? { ...each, ...partsOf(now) } : each;
}

/** Unchanged books stay the same object: nothing needs to be written. */
const same = (before: Book, after: Book): Book =>
  JSON.stringify({ ...before, messages: [] }) === JSON.stringify({ ...after, messages: [] }) ? before : after;

function begun(book: Book, { conditions, now }: Input): Book {
  const openIds = new Set(book.open.map(({ id }) => id));
  const fresh = conditions.filter(({ id }) => !openIds.has(id) && book.done[id] === undefined);
  const seen = Object.fromEntries(fresh.map(({ id }) => [id, Math.min(book.seen[id] ?? now, now)]));
  const isRipe = (condition: Condition): boolean => now - (seen[condition.id] ?? now) >= condition.ripeMs;
  const isTold = ({ id }: Condition): boolean => openIds.has(id);
  const tellable = conditions.filter(
    (each) => isTold(each) || (isRipe(each) && book.done[each.id] === undefined),
  );
  const covered = new Set(tellable.flatMap(({ covers }) => covers));
  const ripe = fresh.filter((each) => isRipe(each) && !covered.has(each.id) && each.mine !== false);
  for (const { id } of ripe) delete seen[id];
  const noted = ripe.filter(({ id }) => book.notes[id]);
  const own = ripe.filter(({ id }) => !book.notes[id]);
  const opened = [...noted, ...own].map((each): Open => {
    const note = book.notes[each.id];
    return { ...openOf(each), by: note?.by ?? null, cover: note?.covered ?? false };
  });
  const waiting = own.map(
    (each): Waiting => ({
      ...partsOf(each),
      at: now,
      urgentEnd: false,
      group: null,
    }),
  );
  const present = new Set(conditions.map(({ id }) => id));
  const stale = Object.entries(book.notes)
    .filter(([id, { at }]) => !present.has(id) && !openIds.has(id) && now - at >= NOTED_MS)
    .map(([id]) => id);
  return {
    ...book,
    seen,
    open: [...book.open, ...opened],
    waiting: [...book.waiting, ...waiting],
    notes: without(book.notes, stale),
  };
}

const openOf = ({ id, kind, severity, pairId, subject, latched }: Condition): Omit<Open, 'by' | 'cover'> => ({
  id,
  kind,
  severity,
  pairId,
  subject,
  latched,
  message: null,
  goneAt: null,
});

function partsOf(condition: Condition): Omit<Waiting, 'at' | 'urgentEnd' | 'group'> {
  const { id, kind, severity, latched, pairId, subject, does, doMany, details, next, covers } = condition;
  return { id, kind, severity, latched, pairId, subject, does, doMany, details, next, covers };
}

function ended(book: Book, input: Input): Book {
  const { conditions, now } = input;
  const present = new Set(conditions.map(({ id }) => id));
  const open = book.open.map((each): Open => {
    if (present.has(each.id)) return each.goneAt === null ? each : { ...each, goneAt: null };
    return each.goneAt === null ? { ...each, goneAt: now } : each;
  });
  const over = open.filter(({ goneAt }) => goneAt !== null && now - goneAt >= GONE_MS);
  const overIds = new Set(over.map(({ id }) => id));
  // Over before anybody was told: nobody needs to be. What is latched is told all the same, and its end after it.
  const untold = new Set(
    book.waiting
      .filter(({ id, latched, severity }) => overIds.has(id) && !latched && severity !== 'recovered')
      .map(({ id }) => id),
  );
  const kept = over.filter(({ id }) => !untold.has(id) && isWaiting(book, id));
  const closed = over.filter((each) => !kept.includes(each));
  const endings = closed.flatMap((each) => (untold.has(each.id) ? [] : (endingFor(each, input) ?? [])));
  return {
    ...book,
    open: open.filter((each) => !closed.some(({ id }) => id === each.id)),
    waiting: [...book.waiting.filter(({ id }) => !untold.has(id)), ...endings],
    done: {
      ...book.done,
      ...Object.fromEntries(closed.filter(({ latched }) => latched).map(({ id }) => [id, now])),
    },
    notes: without(
      book.notes,
      closed.map(({ id }) => id),
    ),
  };
}

const isWaiting = (book: Book, id: string): boolean =>
  book.waiting.some((each) => each.id === id && each.severity !== 'recovered');

const without = <T>(of: Record<string, T>, ids: string[]): Record<string, T> =>
  Object.fromEntries(Object.entries(of).filter(([id]) => !ids.includes(id)));

function endingFor(open: Open, input: Input): Waiting | null {
  // Whoever told of its beginning tells of its end, as long as he can.
  if (open.cover || (open.by !== null && input.isHeard(open.by))) return null;
  const ending = input.endingOf(open);
  if (ending === null) return null;
  return {
    ...ending,
    id: open.id,
    kind: open.kind,
    pairId: open.pairId,
    subject: open.subject,
    severity: 'recovered',
    urgentEnd: open.severity === 'urgent',
    latched: false,
    at: input.now,
    next: '',
    covers: [],
    group: open.message,
  };
}

/** What may be told at this moment, all together; nothing while more of it may be about to come. */
function dueOf(book: Book, { settings, now }: Input): Waiting[] {
  const quiet = isQuiet(settings, now);
  const allowed = book.waiting.filter(
    (each) => (!quiet || each.severity === 'urgent' || each.urgentEnd) && !isHeldBack(each, book, now),
  );
  if (!allowed.some((each) => isSettled(each, allowed, now))) return [];
  return isWithinRate(book, settings, allowed, now) ? allowed : [];
}

/** Others of the same story are still going on: their ends are told in one. */
function isHeldBack({ severity, group, at }: Waiting, book: Book, now: number): boolean {
  if (severity !== 'recovered' || group === null || now - at >= TOGETHER_MS) return false;
  return book.open.some((each) => each.message === group && !each.cover);
}

function isSettled({ severity, at }: Waiting, allowed: Waiting[], now: number): boolean {
  const alike = allowed.filter((each) => each.severity === severity).map((each) => each.at);
  return now - Math.max(...alike) >= SETTLE_MS[severity] || now - at >= SETTLE_LIMIT_MS[severity];
}

function isWithinRate(book: Book, settings: TellingSettings, allowed: Waiting[], now: number): boolean {
  const lately = book.sentAt.filter((at) => now - at < HOUR_MS);
  if (lately.length < settings.mostPerHour) return true;
  const urgent = allowed.some(({ severity }) => severity === 'urgent');
  return urgent && now - Math.max(...lately) >= URGENT_EVERY_MS;
}

const toldBy = (open: Open, due: Waiting[], message: string): Open =>
  due.some(({ id, severity }) => id === open.id && severity !== 'recovered') ? { ...open, message } : open;

/** What a message explains counts as told with it. */
function withCovers(open: Open[], message: Message): Open[] {
  const known = new Set(open.map(({ id }) => id));
  const covers = message.covers.filter((id) => !known.has(id));
  return [
    ...open,
    ...covers.map(
      (id): Open => ({
        id,
        kind: id.startsWith('silent:') ? 'host-silent' : 'unprotected',
        severity: 'soon',
        pairId: null,
        subject: '',
        latched: false,
        message: message.id,
        by: null,
        cover: true,
        goneAt: null,
      }),
    ),
  ];
}

/** Another agent has told it: this one does not, and remembers who did. */
export function noted(
  book: Book,
  by: string,
  notes: readonly { id: string; at: number; covered: boolean; over: boolean }[],
): Book {
  const told = notes.filter(({ over }) => !over);
  const over = notes.filter((note) => note.over).map(({ id }) => id);
  const isTold = (id: string): boolean => told.some((note) => note.id === id);
  const waiting = book.waiting.filter(({ id, severity }) => severity === 'recovered' || !isTold(id));
  return {
    ...book,
    waiting,
    open: book.open.map((each) => {
      const note = told.find(({ id }) => id === each.id);
      return note && each.message === null ? { ...each, by, cover: note.covered } : each;
    }),
    notes: {
      ...without(book.notes, over),
      ...Object.fromEntries(told.map(({ id, at, covered }) => [id, { by, at, covered }])),
    },
  };
}
