/** Texts whose answers are kept: a few of every machine of a busy host. */
const MOST = 256;

/**
 * The same function, which reads no text twice: definitions are looked at every few seconds and hardly ever change, and to
 * read one takes milliseconds. Its answers are shared, so nobody may change them; what it throws is not kept.
 */
export function remembering<Texts extends string[], Answer>(
  read: (...texts: Texts) => Answer,
  most = MOST,
): (...texts: Texts) => Answer {
  const known = new Map<string, Answer>();
  return (...texts) => {
    const key = texts.join('\0');
    const answer = known.has(key) ? (known.get(key) as Answer) : read(...texts);
    // The one that was asked for longest ago goes first.
    known.delete(key);
    known.set(key, answer);
    for (const [oldest] of known) if (known.size > most) known.delete(oldest);
    return answer;
  };
}
