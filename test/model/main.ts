/**
 * `npm run model [-- --bounded] [-- --json]`: every state of the contract in docs/safety.md within the faults of each
 * run, then every mistake of its list, which must be found. The last line is JSON:
 * `{states, violations, complete, mistakes, own, runs, seconds}`; `own` are mistakes the model found worth seeding
 * besides the list. Exit 1 when anything is violated, cut short or missed.
 */
import { check, type Report } from './checker.ts';
import { pairModel } from './pair.ts';
import type { Mistake } from './rules.ts';
import { BOUNDED, expected, FULL, MISTAKES, mistaken, OWN_MISTAKES, type Run } from './settings.ts';

const json = process.argv.includes('--json');
const say = (line: string): void => {
  if (!json) console.log(line);
};

interface Line {
  name: string;
  states: number;
  steps: number;
  complete: boolean;
  stuck: number;
  seconds: number;
  found: string | null;
}

function run(one: Run): { line: Line; report: Report } {
  const began = performance.now();
  const report = check(pairModel(one.setting), { maxStates: one.maxStates, liveness: true });
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const { states, steps, complete, stuck } = report;
  const line: Line = {
    name: one.name,
    states,
    steps,
    complete,
    stuck,
    seconds,
    found: report.finding?.what ?? null,
  };
  const verdict = report.finding?.what ?? (complete ? 'holds' : 'cut short, nothing proved');
  say(`${one.name}: ${states} states, ${steps} steps, ${seconds} s: ${verdict}`);
  for (const told of folded(report.finding?.story ?? [])) say(`    ${told}`);
  return { line, report };
}

/** Equal neighbours told once. */
function folded(story: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < story.length; ) {
    const told = story[i] ?? '';
    let end = i + 1;
    while (story[end] === told) end += 1;
    lines.push(end - i > 1 ? `${told} (${end - i} times)` : told);
    i = end;
  }
  return lines;
}

function seed(mistakes: readonly Mistake[]): Record<string, 'caught' | 'missed'> {
  const verdicts: Record<string, 'caught' | 'missed'> = {};
  for (const mistake of mistakes) {
    const { report } = run(mistaken(mistake));
    verdicts[mistake] = report.finding?.kind === expected(mistake) ? 'caught' : 'missed';
  }
  return verdicts;
}

function main(): number {
  const began = performance.now();
  say('The contract:');
  const runs = (process.argv.includes('--bounded') ? BOUNDED : FULL).map((one) => run(one).line);
  say('\nMistakes:');
  const mistakes = seed(MISTAKES);
  const own = seed(OWN_MISTAKES);
  const violations = runs.filter((line) => line.found !== null).length;
  const complete = runs.every((line) => line.complete);
  const states = runs.reduce((sum, line) => sum + line.states, 0);
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  console.log(JSON.stringify({ states, violations, complete, mistakes, own, runs, seconds }));
  const missed = [...Object.values(mistakes), ...Object.values(own)].includes('missed');
  return violations > 0 || !complete || missed ? 1 : 0;
}

process.exitCode = main();
