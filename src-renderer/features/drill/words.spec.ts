import { expect, it } from 'vitest';
import { DRILL_DEFAULTS, type DrillResult } from '../../../agent/protocol/drill.ts';
import type { DrillView } from '../../../src-main/contract/index.ts';
import { pair } from '../../../src-main/contract/testing-fleet.ts';
import { drillMark, drillSentence, isUndecided, stagesOf } from './words.ts';

const view = (over: Partial<DrillView>): DrillView => ({
  ...{ hostId: 'boreas', settings: DRILL_DEFAULTS, state: 'never', stale: null, results: [] },
  ...{ waived: null, next: null },
  ...over,
});
const result: DrillResult = {
  ...{
    id: 'a',
    at: 1,
    host: 'boreas',
    outcome: 'failed',
    by: 'x',
    fingerprint: '',
    evidence: '',
    problem: null,
  },
  ...{ pointMs: 1.94, startMs: 812, answerMs: null, undoMs: 15.2 },
};

it.each([
  [view({}), /never been started/],
  [view({ state: 'passed' }), /3 h ago, and it works/],
  [view({ state: 'failed' }), /did not show/],
  [view({ state: 'stale', stale: 'age' }), /more than 90 days/],
  [view({ state: 'stale', stale: 'changed' }), /have changed/],
  [view({ state: 'stale', stale: 'moved' }), /other host/],
])('says what a drill says of the copy (%#)', (given, said) => {
  expect(drillSentence(given, 'boreas', '3 h ago')).toMatch(said);
});

it('marks only a passed drill as good', () => {
  expect(drillMark(view({ state: 'passed' })).tone).toBe('ok');
  expect(drillMark(view({ state: 'stale' })).tone).not.toBe('ok');
  expect(drillMark(view({})).tone).not.toBe('ok');
});

it('shows the stages it came to', () => {
  expect(stagesOf(result).map(({ value }) => value)).toEqual(['1.9 ms', '0.8 s', '15 ms']);
});

it('asks for a decision only where none was made and no drill was passed', () => {
  const of = (drill: DrillView | null) => isUndecided({ ...pair('mail', 'atlas', 'boreas'), drill });
  expect(of(view({}))).toBe(true);
  expect(of(view({ results: [result] }))).toBe(true);
  expect(of(view({ results: [{ ...result, outcome: 'passed' }] }))).toBe(false);
  expect(of(view({ waived: { at: 1, by: 'Ann' } }))).toBe(false);
  // Older agents: nothing is known, and nothing is asked.
  expect(of(null)).toBe(false);
});
