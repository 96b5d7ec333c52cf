import { describe, expect, it } from 'vitest';
import {
  type AtRisk,
  objectivesProblem,
  type RtoMeasure,
  rpoStanding,
  rtoStanding,
  secondsAtRisk,
} from '../protocol/index.ts';
import { atRisk, type RiskInput } from './at-risk.ts';

const NOW = 1_000_000;
const input = (given: Partial<RiskInput>, state: RiskInput['replica']['state'] = 'in-sync'): RiskInput => ({
  mode: 'sync',
  replica: { mode: 'sync', state, point: null, since: NOW - 7_000 },
  ...{
    whole: null,
    follow: null,
    attended: null,
    behindBytes: null,
    startable: undefined,
    stillSince: null,
    now: NOW,
  },
  ...given,
});
const seconds = (given: Partial<RiskInput>, state?: RiskInput['replica']['state']): number | null =>
  secondsAtRisk(atRisk(input(given, state)), NOW);

describe('a mirrored copy', () => {
  it('costs nothing while in sync', () => {
    expect(atRisk(input({ whole: 5 }))).toMatchObject({ kind: 'nothing', bytes: 0, wholeUntil: null });
    expect(seconds({})).toBe(0);
  });

  it('costs what was written since it went stale, however often catching up has failed since', () => {
    expect(seconds({}, 'stale')).toBe(7);
    expect(seconds({ whole: NOW - 90_000 }, 'stale')).toBe(90);
    expect(seconds({ whole: NOW - 90_000 }, 'catching-up')).toBe(90);
    expect(atRisk(input({ behindBytes: 4096 }, 'stale')).bytes).toBe(4096);
  });

  it('is worth what the standby has kept of it while it is written over', () => {
    expect(seconds({ startable: { wholeUntil: NOW - 30_000 } }, 'catching-up')).toBe(30);
    expect(atRisk(input({ whole: NOW - 1_000, startable: null }, 'catching-up'))).toMatchObject({
      kind: 'no-copy',
      bytes: null,
    });
    expect(seconds({ startable: { wholeUntil: null }, whole: NOW - 60_000 }, 'catching-up')).toBe(60);
  });

  it('is none before the first, and after a failover', () => {
    expect(atRisk(input({}, 'none')).kind).toBe('no-copy');
    expect(atRisk(input({}, 'catching-up')).kind).toBe('no-copy');
    expect(seconds({}, 'none')).toBeNull();
  });

  it('costs no more once the machine stands still', () => {
    const given = { whole: NOW - 90_000, stillSince: NOW - 60_000 };
    expect(seconds(given, 'stale')).toBe(30);
    expect(secondsAtRisk(atRisk(input(given, 'stale')), NOW + 500_000)).toBe(30);
  });
});

describe('a copy that is kept by points', () => {
  const point = { id: 'a', at: NOW - 40_000, quiesced: true, bytes: 1 };
  const follow = { point, wholeUntil: NOW - 12_000, behindBytes: 8192, nextAt: null };
  const more = { tookMs: null, gapMs: null, alarm: null };

  it.each(['interval', 'async'] as const)('costs what was written since it was whole (%s)', (mode) => {
    const given = { mode, follow: { ...follow, ...more } };
    expect(seconds(given, 'stale')).toBe(12);
    expect(atRisk(input(given, 'stale')).bytes).toBe(8192);
  });

  it('is as old as was known last while nobody follows', () => {
    expect(seconds({ mode: 'async', whole: NOW - 50_000 }, 'stale')).toBe(50);
    expect(atRisk(input({ mode: 'async' }, 'none')).kind).toBe('no-copy');
  });
});

describe('targets', () => {
  const since = (ago: number): AtRisk => ({
    ...{ kind: 'since', wholeUntil: NOW - ago * 1000, stillSince: null, bytes: null, at: NOW },
  });
  const measure: RtoMeasure = { source: 'drill', at: NOW, host: 'h', ms: 45_000, until: 'answer' };

  it.each([
    [null, 10, 'no-target'],
    [60, 10, 'met'],
    [60, 49, 'near'],
    [60, 60, 'near'],
    [60, 61, 'missed'],
    [0, 1, 'missed'],
  ] as const)('of %s s are, %s s behind, %s', (rpoS, ago, standing) => {
    expect(rpoStanding({ rpoS, rtoS: null }, since(ago), NOW)).toBe(standing);
  });

  it('of nothing are met in sync, and missed without a copy', () => {
    expect(rpoStanding({ rpoS: 0, rtoS: null }, atRisk(input({})), NOW)).toBe('met');
    expect(rpoStanding({ rpoS: 3600, rtoS: null }, atRisk(input({}, 'none')), NOW)).toBe('missed');
    expect(rpoStanding({ rpoS: 3600, rtoS: null }, null, NOW)).toBe('unmeasured');
  });

  it('of time are met by a measure that is not too old', () => {
    const of = (rtoS: number | null, one: RtoMeasure | null = measure) =>
      rtoStanding({ rpoS: null, rtoS }, one, 1_000, NOW + 1_000);
    expect([of(null), of(60, null), of(60), of(50), of(44)]).toEqual([
      ...['no-target', 'unmeasured', 'met', 'near', 'missed'],
    ]);
    expect(rtoStanding({ rpoS: null, rtoS: 60 }, measure, 1_000, NOW + 1_001)).toBe('unmeasured');
  });

  it('are refused when they cannot be', () => {
    expect(objectivesProblem({ rpoS: 0, rtoS: 1 })).toBeNull();
    expect(objectivesProblem({ rpoS: null, rtoS: null })).toBeNull();
    expect(objectivesProblem({ rpoS: -1, rtoS: null })?.field).toBe('rpoS');
    expect(objectivesProblem({ rpoS: null, rtoS: 0 })?.field).toBe('rtoS');
  });
});

describe('a copy that somebody else keeps', () => {
  const attended = { at: NOW - 2_000, wholeAt: NOW - 60_000, behindS: null, behindBytes: null, line: '' };

  it('on shared disks costs nothing, or is none', () => {
    expect(seconds({ mode: 'shared' })).toBe(0);
    expect(atRisk(input({ mode: 'shared' }, 'stale')).kind).toBe('no-copy');
  });

  it('is as old as its keeper says, and otherwise since it had everything', () => {
    expect(seconds({ mode: 'external-sync' })).toBe(0);
    expect(seconds({ mode: 'external', attended: { ...attended, behindS: 5 } }, 'stale')).toBe(7);
    expect(seconds({ mode: 'external', attended }, 'stale')).toBe(60);
    expect(atRisk(input({ mode: 'external' }, 'stale')).kind).toBe('unknown');
    expect(atRisk(input({ mode: 'external', attended: { ...attended, wholeAt: null } }, 'stale')).kind).toBe(
      'no-copy',
    );
  });
});
