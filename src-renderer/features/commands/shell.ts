const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** As a POSIX shell takes it for one word. */
export const shellWord = (text: string): string =>
  PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
export const shellLine = (words: readonly string[]): string => words.map(shellWord).join(' ');
