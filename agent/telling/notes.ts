import type { ToldNote } from '../protocol/index.ts';
import type { Book, Message } from './book.ts';

/** What a delivered message means for the other agents. */
export function notesOf(message: Message, { messages }: Book): ToldNote[] {
  const { at } = message;
  const begun = message.items
    .filter(({ severity }) => severity !== 'recovered')
    .flatMap(({ ids }) => ids.map((id): ToldNote => ({ id, at, covered: false, over: false })));
  const covered = message.covers.map((id): ToldNote => ({ id, at, covered: true, over: false }));
  const ends = message.items.filter(({ severity }) => severity === 'recovered').flatMap(({ ids }) => ids);
  // With a story ends what it explained.
  const explained = messages
    .filter(({ items }) =>
      items.some(({ severity, ids }) => severity !== 'recovered' && ids.some((id) => ends.includes(id))),
    )
    .flatMap(({ covers }) => covers);
  const over = [...new Set([...ends, ...explained])].filter((id) => !covered.some((note) => note.id === id));
  return [...begun, ...covered, ...over.map((id): ToldNote => ({ id, at, covered: false, over: true }))];
}

/** What this agent told and what is not over, for one that was away. */
export function openNotes({ open, messages }: Book): ToldNote[] {
  return open.flatMap(({ id, message, cover }) => {
    const told = messages.find((each) => each.id === message);
    const out = told?.deliveries.mail?.state === 'delivered' || told?.deliveries.hook?.state === 'delivered';
    return told && out ? [{ id, at: told.at, covered: cover, over: false }] : [];
  });
}
