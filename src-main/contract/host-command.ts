import type { HostCommand } from '../../agent/protocol/coordinated.ts';

/** A line as a person writes it: words apart by spaces, double quotes around a word that has some. Null: a quote is not closed. */
export function argvOf(line: string): string[] | null {
  const words = [...line.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const quotes = [...line].filter((sign) => sign === '"').length;
  return quotes % 2 === 0 ? words : null;
}

/** The line that `argvOf` reads as this command. */
export const lineOf = (command: HostCommand | null): string =>
  (command ?? []).map((word) => (word === '' || /\s/.test(word) ? `"${word}"` : word)).join(' ');
