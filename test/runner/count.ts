export interface Count {
  passed: number;
  failed: number;
  closing: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: runners colour their output with escape sequences
const COLOUR = /\u001b\[[0-9;]*m/g;

/** The number before `word` in `line`, 0 when it is not there. */
const before = (line: string, word: string): number =>
  Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);

/** Tests passed and failed by a runner's own closing lines; a runner that failed without saying how counts as one failure. */
export function countTests(kind: 'vitest' | 'playwright' | 'stage', code: number, output: string): Count {
  const lines = output
    .replaceAll(COLOUR, '')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const last = lines.at(-1) ?? '';
  if (kind === 'stage')
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, closing: last.slice(0, 300) };
  const own =
    kind === 'vitest'
      ? lines.findLast((line) => /^Tests\s/.test(line))
      : lines.filter((line) => /^\d+ (passed|failed|flaky|did not run|interrupted)\b/.test(line)).join(', ');
  if (!own) return { passed: 0, failed: 1, closing: last.slice(0, 300) };
  // A flaky test is a broken one: find the race.
  const failed =
    before(own, 'failed') + before(own, 'flaky') + before(own, 'did not run') + before(own, 'interrupted');
  return { passed: before(own, 'passed'), failed: code === 0 ? failed : Math.max(failed, 1), closing: own };
}
