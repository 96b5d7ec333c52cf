import { describe, expect, it } from 'vitest';
import { check } from './checker.ts';
import { GONE, H, hf, initialState, NONE, RUNNING, setHf, WIDTHS } from './layout.ts';
import { pairModel, settled, violation } from './pair.ts';
import type { Mistake } from './rules.ts';
import { expected, innocent, MISTAKES, mistaken, type Run } from './settings.ts';

const find = (run: Run) => check(pairModel(run.setting), { maxStates: run.maxStates, liveness: true });

describe('model of the failover contract', () => {
  it('starts where one host runs and nothing is wrong', () => {
    const start = initialState(1, 1);
    expect(start).toHaveLength(WIDTHS.length);
    expect(violation(start)).toBeNull();
    expect(settled(start)).toBe(true);
  });

  it('calls two running copies, a copy with a hole, and nobody running by their names', () => {
    const two = initialState(0, 0);
    setHf(two, 1, H.GUEST, RUNNING);
    expect(violation(two)).toMatch(/^I1/);
    const hole = initialState(0, 0);
    setHf(hole, 0, H.FRESH, 0);
    expect(violation(hole)).toMatch(/^I4/);
    const none = initialState(0, 0);
    setHf(none, 0, H.GUEST, NONE);
    expect(settled(none)).toBe(false);
    setHf(none, 0, H.LIFE, GONE);
    expect(hf(none, 0, H.LIFE)).toBe(GONE);
    expect(settled(none)).toBe(false);
  });

  it('names all nineteen mistakes of the contract', () => {
    expect(new Set(MISTAKES).size).toBe(19);
  });

  const quick: Mistake[] = ['no-guard-margin', 'no-take-back'];
  it.each(quick)('finds %s, and nothing in the same circumstances without it', (mistake) => {
    expect(find(mistaken(mistake)).finding?.kind).toBe(expected(mistake));
    expect(find(innocent(mistake))).toMatchObject({ complete: true, finding: null, stuck: 0 });
  });

  it('tells the story in order, from what starts it to what is wrong', () => {
    const story = find(mistaken('no-guard-margin')).finding?.story ?? [];
    const takesOver = story.findIndex((line) => line.startsWith('h2') && line.endsWith('takes over'));
    expect(takesOver).toBeGreaterThan(0);
    expect(story.at(-1)).toBe('h2 starts the guest');
  });
});
