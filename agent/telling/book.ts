import * as v from 'valibot';
import { Severity, ToldMessage } from '../protocol/index.ts';
import { ConditionKind } from './condition.ts';

/** Conditions that explain several machines at once are one group of a message. */
export const MessageItem = v.object({
  ids: v.array(v.string()),
  kind: ConditionKind,
  severity: Severity,
  pairIds: v.array(v.string()),
  title: v.string(),
  details: v.array(v.string()),
  /** Empty: nothing. */
  next: v.string(),
});
export type MessageItem = v.InferOutput<typeof MessageItem>;

/** What was put together to be told; deliveries go on until each way has it or it is given up. */
export const Message = v.object({
  ...ToldMessage.entries,
  items: v.array(MessageItem),
  /** Left out of the items: there were too many. */
  more: v.number(),
  /** Conditions it explains beside those it names. */
  covers: v.array(v.string()),
});
export type Message = v.InferOutput<typeof Message>;

/** To be told as soon as quiet hours and rate let it. */
export const Waiting = v.object({
  id: v.string(),
  kind: ConditionKind,
  severity: Severity,
  /** Of `recovered`: what is over was urgent, so its end may be told at any hour to whom it woke. */
  urgentEnd: v.boolean(),
  latched: v.boolean(),
  /** Wall clock, ms, since when it waits. */
  at: v.number(),
  pairId: v.nullable(v.string()),
  subject: v.string(),
  does: v.string(),
  doMany: v.string(),
  details: v.array(v.string()),
  next: v.string(),
  covers: v.array(v.string()),
  /** Of `recovered`: the message that told of its beginning. */
  group: v.nullable(v.string()),
});
export type Waiting = v.InferOutput<typeof Waiting>;

/** Told, or about to be, and not over. */
export const Open = v.object({
  id: v.string(),
  kind: ConditionKind,
  severity: v.picklist(['urgent', 'soon']),
  pairId: v.nullable(v.string()),
  subject: v.string(),
  latched: v.boolean(),
  /** The message that told of it; null while it waits, or when another agent told it. */
  message: v.nullable(v.string()),
  /** Host id of the agent that told it; null: this one. */
  by: v.nullable(v.string()),
  /** Only explained by what was told: nobody is told of its end. */
  cover: v.boolean(),
  /** Wall clock (ms) since which it is gone; null while it lasts. */
  goneAt: v.nullable(v.number()),
});
export type Open = v.InferOutput<typeof Open>;

/**
 * What an agent remembers of what it told: one file, so that a condition counts as told exactly when the message that
 * tells it is kept. All times are wall clock, ms.
 */
export const Book = v.object({
  /** Since when conditions are so that are not ripe yet. */
  seen: v.record(v.string(), v.number()),
  open: v.array(Open),
  waiting: v.array(Waiting),
  /** Newest first. */
  messages: v.array(Message),
  /** When messages were put together in the last hour. */
  sentAt: v.array(v.number()),
  /** What other agents told, by condition. */
  notes: v.record(v.string(), v.object({ by: v.string(), at: v.number(), covered: v.boolean() })),
  /** Stories that were told to their end and must not begin again. */
  done: v.record(v.string(), v.number()),
});
export type Book = v.InferOutput<typeof Book>;

export const EMPTY_BOOK: Book = {
  seen: {},
  open: [],
  waiting: [],
  messages: [],
  sentAt: [],
  notes: {},
  done: {},
};

const MESSAGES_KEPT = 50;
const DAY_MS = 86_400_000;
/** Notes and ended stories are of no use any more after that. */
const KEPT_MS = { notes: 7 * DAY_MS, done: 90 * DAY_MS } as const;

export const isUnderWay = ({ deliveries }: Pick<Message, 'deliveries'>): boolean =>
  deliveries.mail?.state === 'waiting' || deliveries.hook?.state === 'waiting';

/**
 * As an agent takes it up that starts: how long something has been so, or gone, is counted anew. In between nobody looked,
 * and at first it hears nobody.
 */
export const takenUp = (book: Book): Book => ({
  ...book,
  seen: {},
  open: book.open.map((each) => ({ ...each, goneAt: null })),
});

/** Without what nobody needs any more; what is still to be delivered stays. */
export function pruned(book: Book, now: number): Book {
  const young = <T>(of: Record<string, T>, at: (value: T) => number, ms: number): Record<string, T> =>
    Object.fromEntries(Object.entries(of).filter(([, value]) => now - at(value) < ms));
  return {
    ...book,
    messages: book.messages.filter((message, index) => index < MESSAGES_KEPT || isUnderWay(message)),
    notes: young(book.notes, ({ at }) => at, KEPT_MS.notes),
    done: young(book.done, (at) => at, KEPT_MS.done),
  };
}
