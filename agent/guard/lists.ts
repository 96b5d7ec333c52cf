const FIRST = 'understudy-protected 1';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The list of protected machines, as agent and guard write and read it; see FORMAT.md. */
export const protectedList = (uuids: Iterable<string>): string =>
  [FIRST, ...uuids].map((line) => `${line}\n`).join('');

/** Null for anything the guard would treat as unreadable. */
export function parseList(text: string): string[] | null {
  const [first, ...rest] = text.split('\n');
  if (first !== FIRST || rest.pop() !== '') return null;
  return rest.every((line) => UUID.test(line)) ? rest : null;
}
