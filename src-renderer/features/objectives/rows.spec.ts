import { expect, it } from 'vitest';
import type { ObjectivesView } from '../../../src-main/contract/index.ts';
import { at, fleet, host, offline, pair } from '../../../src-main/contract/testing-fleet.ts';
import { m } from '../../lib/messages.ts';
import { pairMark } from '../../lib/pair-state.ts';
import { headline } from '../map/headline.ts';
import { objectivesRows } from './rows.ts';

const view = (over: Partial<ObjectivesView>): ObjectivesView => ({
  targets: { rpoS: 60, rtoS: null },
  atRisk: { kind: 'nothing', wholeUntil: null, stillSince: null, bytes: 0, at },
  measure: null,
  maxAgeMs: 1_000,
  ...over,
});
const since = (seconds: number): Partial<ObjectivesView> => ({
  atRisk: { kind: 'since', wholeUntil: at - seconds * 1_000, stillSince: null, bytes: null, at },
});
const of = (
  name: string,
  over: Partial<ObjectivesView> | null,
  health: 'in-sync' | 'not-in-sync' = 'in-sync',
) => pair(name, 'atlas', 'boreas', health, { objectives: over && view(over) });

const pairs = [
  of('met', {}),
  of('near', since(55)),
  of('late', since(61), 'not-in-sync'),
  of('none', { targets: { rpoS: null, rtoS: null } }),
  of('old', null),
  of('slow', { targets: { rpoS: 60, rtoS: 5 } }),
  of(
    'bare',
    { atRisk: { kind: 'no-copy', wholeUntil: null, stillSince: null, bytes: null, at } },
    'not-in-sync',
  ),
];

it('lists who misses a target first, then whose target nothing measures', () => {
  const rows = objectivesRows(fleet([host('atlas'), host('boreas')], [], pairs), at);
  expect(rows.map(({ pair: { name }, worst }) => [name, worst])).toEqual([
    ...[
      ['bare', 'missed'],
      ['late', 'missed'],
      ['slow', 'unmeasured'],
      ['near', 'near'],
      ['met', 'met'],
    ],
    ...[
      ['none', 'no-target'],
      ['old', 'no-target'],
    ],
  ]);
});

it('judges by the clock of the owner', () => {
  const ahead = [host('atlas', { clockAheadMs: 10_000 }), host('boreas')];
  const [row] = objectivesRows(fleet(ahead, [], [of('near', since(55))]), at);
  expect(row?.rpo).toBe('missed');
});

it('counts no further than the owner was heard', () => {
  const lost = [host('atlas', { connection: offline, heardAt: at - 10_000 }), host('boreas')];
  const [row] = objectivesRows(fleet(lost, [], [of('late', since(65))]), at);
  expect(row?.rpo).toBe('near');
});

it('shows a missed target in place of the state it comes from', () => {
  const word = (name: string): string => {
    const found = pairs.find((one) => one.name === name);
    return found ? pairMark(found, false, at).word : '';
  };
  expect(word('late')).toBe('61 s at risk (target 60 s)');
  expect(word('bare')).toBe('no copy (target 60 s)');
  expect(word('near')).toBe('in sync');
});

it('is the headline when nothing else is the matter', () => {
  const slow = of('slow', {
    targets: { rpoS: null, rtoS: 5 },
    measure: { source: 'drill', at, host: 'boreas', ms: 9_000, until: 'answer' },
  });
  const said = headline(fleet([host('atlas'), host('boreas')], [], [of('met', {}), slow]), at);
  expect([said.text, said.detail]).toEqual([
    `${m.objectives.bannerSlow('slow')}.`,
    m.objectives.headline('5 s'),
  ]);
  const fine = headline(fleet([host('atlas'), host('boreas')], [], [of('met', {})]), at);
  expect(fine.tone).not.toBe('attention');
});
