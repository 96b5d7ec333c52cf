/** More names than any fleet has; only a leak would reach it. */
const MOST_KEYS = 50_000;
const keys = new Map<string, string>();

/**
 * What a name is sorted by: without case and accents, numbers by their value. Made once for each name: a fleet of thousands
 * is put in order many times a second, and `Intl.Collator` takes fifty times as long for that.
 */
function keyOf(text: string): string {
  const known = keys.get(text);
  if (known !== undefined) return known;
  if (keys.size >= MOST_KEYS) keys.clear();
  const key = text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\d+/g, (digits) => digits.replace(/^0+(?=\d)/, '').padStart(16, '0'));
  keys.set(text, key);
  return key;
}

/** "vm2" before "vm10", "Ärger" beside "arger". */
export function compareText(a: string, b: string): number {
  const keyA = keyOf(a);
  const keyB = keyOf(b);
  if (keyA !== keyB) return keyA < keyB ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
