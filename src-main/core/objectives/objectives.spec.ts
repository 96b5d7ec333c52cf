import { expect, it } from 'vitest';
import type { RiskHistory } from '../../../agent/protocol/index.ts';
import { measureOf, newest } from '../pairs/objectives.ts';
import { joined } from './objectives.ts';
import { riskFile } from './risk-export.ts';

const drill = {
  ...{ id: 'd', at: 50_000, host: 'boreas', outcome: 'passed' as const, by: 'Ann', fingerprint: 'f' },
  ...{ evidence: '', problem: null, pointMs: 2, startMs: 800, answerMs: 6_400, undoMs: 3 },
};
const takeover = { source: 'takeover', at: 90_000, host: 'boreas', ms: 9_000, until: 'running' } as const;
const history = (over: Partial<RiskHistory>): RiskHistory => ({
  ...{ minutes: [], hours: [], measures: [] },
  ...over,
});
const mail = { name: 'mail', drill: null, objectives: null };
const both = joined(mail, [
  { hostId: 'atlas', history: history({ minutes: [{ at: 60_000, seconds: 3, bytes: null }] }) },
  {
    hostId: 'boreas',
    history: history({
      minutes: [{ at: 0, seconds: 1.5, bytes: 9 }],
      hours: [{ at: 0, seconds: null, bytes: null }],
      measures: [takeover],
    }),
  },
]);

it('joins what both hosts have kept, each with its host, and says who was not heard', () => {
  expect(both.minutes.map(({ at, host }) => [at, host])).toEqual([
    [0, 'boreas'],
    [60_000, 'atlas'],
  ]);
  expect(both.silent).toEqual([]);
  expect(joined(mail, [{ hostId: 'atlas', history: null }]).silent).toEqual(['atlas']);
});

it('takes a passed drill from its start order to its answer; one that only watched it run measures that', () => {
  expect(measureOf(drill, 'answers')).toMatchObject({ source: 'drill', ms: 7_200, until: 'answer' });
  expect(measureOf(drill, 'boots')).toMatchObject({ ms: 800, until: 'running' });
  expect(measureOf({ ...drill, outcome: 'failed' }, 'answers')).toBeNull();
  expect(measureOf({ ...drill, answerMs: null }, 'answers')).toBeNull();
  expect(newest([takeover, { ...takeover, at: 1 }])).toEqual(takeover);
  expect(newest([])).toBeNull();
});

it('is a table and a JSON file for an auditor, with times in UTC and formulas defused', () => {
  const given = { pair: { ...mail, name: '=mail' }, risk: both, nameOf: (id: string) => id, now: 86_400_000 };
  const { name, text } = riskFile(given, 'csv');
  expect(name).toBe('understudy-at-risk--mail-1970-01-02.csv');
  expect(text.split('\r\n').slice(1, 5)).toEqual([
    '"worst of the hour","1970-01-01T00:00:00.000Z","boreas","no copy","","",""',
    '"worst of the minute","1970-01-01T00:00:00.000Z","boreas","1.5","9","",""',
    '"worst of the minute","1970-01-01T00:01:00.000Z","atlas","3","","",""',
    '"time to answer","1970-01-01T00:01:30.000Z","boreas","","","9","takeover, until it ran"',
  ]);
  const json = JSON.parse(riskFile(given, 'json').text);
  expect(json).toMatchObject({
    machine: '=mail',
    hours: [{ noCopy: true, seconds: null }],
    timesToAnswer: [{ source: 'takeover', ms: 9_000 }],
  });
});
