/** Those of src-main/cli (its spec keeps them in step). */
export const COMMANDS: readonly string[] = ['status', 'protect', 'failover', 'switchover', 'drill'];

/**
 * What of the arguments is for the command line: `understudy drill mail`, or after the word `cli`; null: a window is wanted.
 * `packaged`: otherwise the first word is the application's folder.
 */
export function commandWords(argv: readonly string[], packaged: boolean): string[] | null {
  // Chromium's own switches may come before.
  const words = argv.flatMap((word, at) => (at > 0 && !word.startsWith('-') ? [at] : []));
  const first = words[packaged ? 0 : 1];
  if (first === undefined) return argv.includes('--help') ? ['--help'] : null;
  const word = argv[first] ?? '';
  if (word === 'cli') return argv.slice(first + 1);
  return COMMANDS.includes(word) ? argv.slice(first) : null;
}
