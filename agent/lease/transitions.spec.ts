import { describe, expect, it } from 'vitest';
import type { LeaseRecord } from './record.ts';
import { CONTRACT } from './rules.ts';
import { armedRecord } from './testing/three-voters.ts';
import * as t from './transitions.ts';

const record = armedRecord();
const unarmed: LeaseRecord = { ...record, armed: false };
const made = (change: t.Change, from: LeaseRecord): LeaseRecord => {
  const to = change(from);
  if (t.isRefusal(to)) throw new Error(to.refused);
  return to;
};

describe('swaps of the record', () => {
  it('takes over in one step: next epoch, not begun, unarmed, no replica', () => {
    expect(made(t.takeOver('h2', 0, CONTRACT), record)).toMatchObject({
      epoch: { n: 2, by: '' },
      owner: 'h2',
      former: 'h1',
      begun: false,
      armed: false,
      replica: { state: 'none' },
      version: 2,
    });
  });

  it('finds its own takeover already made', () => {
    const taken = made(t.takeOver('h2', 0, CONTRACT), record);
    expect(t.takeOver('h2', 0, CONTRACT)(taken)).toBe(taken);
  });

  it.each([
    ['unarmed', { armed: false }],
    ['not-begun', { begun: false }],
    ['not-the-standby', { owner: 'h2' }],
  ] as const)('refuses a takeover: %s', (refused, change) => {
    expect(t.takeOver('h2', 0, CONTRACT)({ ...record, ...change })).toEqual({ refused });
  });

  it.each(['stale', 'none', 'catching-up'] as const)('disarms with %s', (state) => {
    expect(made(t.replicaBecomes(1, 'h1', state, 0, CONTRACT), record)).toMatchObject({
      armed: false,
      replica: { state },
    });
  });

  it('takes back only what has not begun, and only the former owner', () => {
    const taken = made(t.takeOver('h2', 0, CONTRACT), record);
    expect(made(t.takeBack('h1', 0), taken)).toMatchObject({
      owner: 'h1',
      epoch: { n: 3 },
      begun: false,
      armed: false,
    });
    expect(t.takeBack('w', 0)(taken)).toEqual({ refused: 'begun' });
    const begun = made(t.begin(2, 'h2', CONTRACT), taken);
    expect(t.takeBack('h1', 0)(begun)).toEqual({ refused: 'begun' });
  });

  it('makes an owner’s swap only in the epoch it was decided in', () => {
    const taken = made(t.takeOver('h2', 0, CONTRACT), record);
    for (const change of [
      t.replicaBecomes(1, 'h1', 'in-sync', 0, CONTRACT),
      t.arm(1, 'h1', CONTRACT),
      t.disarm(1, 'h1', CONTRACT),
      t.begin(1, 'h1', CONTRACT),
      t.handOver(1, 'h1', 0, CONTRACT),
    ]) {
      expect(change(taken)).toEqual({ refused: 'superseded' });
    }
  });

  it('arms only with three voters, in sync, automatic, not paused, not in maintenance', () => {
    expect(made(t.arm(1, 'h1', CONTRACT), unarmed).armed).toBe(true);
    const not: Partial<LeaseRecord>[] = [
      { voters: ['h1', 'h2'] },
      { policy: 'manual' },
      { paused: true },
      { maintenance: { until: 5, reason: '' } },
      { begun: false },
      { replica: { ...record.replica, state: 'stale' } },
    ];
    for (const change of not)
      expect(t.arm(1, 'h1', CONTRACT)({ ...unarmed, ...change })).toEqual({ refused: 'not-armable' });
  });

  it.each<Partial<t.Settings>>([
    { paused: true },
    { policy: 'manual' },
    { maintenance: { until: 9, reason: '' } },
  ])('disarms with %j', (given) => {
    expect(made(t.settings(given), record)).toMatchObject({ ...given, armed: false });
  });

  it('hands over in sync only', () => {
    expect(made(t.handOver(1, 'h1', 0, CONTRACT), record)).toMatchObject({
      owner: 'h2',
      change: 'hand-over',
      begun: false,
    });
    const stale = { ...record, replica: { ...record.replica, state: 'stale' as const } };
    expect(t.handOver(1, 'h1', 0, CONTRACT)(stale)).toEqual({ refused: 'not-in-sync' });
  });

  it('replaces the witness unarmed and prepared, one at a time', () => {
    const swap = t.setWitness('w2', true, CONTRACT);
    expect(made(swap, unarmed)).toMatchObject({ config: 2, voters: ['h1', 'h2', 'w2'] });
    expect(swap(record)).toEqual({ refused: 'armed' });
    expect(t.setWitness('w2', false, CONTRACT)(unarmed)).toEqual({ refused: 'voter-not-prepared' });
    expect(t.setWitness('h2', true, CONTRACT)(unarmed)).toEqual({ refused: 'not-a-witness' });
    expect(t.setWitness('w', true, CONTRACT)(unarmed)).toBe(unarmed);
  });

  it('leads from three voters to the owner alone and back', () => {
    const alone = made(t.setWitness(null, false, CONTRACT), unarmed);
    expect(alone).toMatchObject({ config: 2, voters: ['h1'] });
    expect(made(t.setWitness('w', true, CONTRACT), alone)).toMatchObject({
      config: 3,
      voters: ['h1', 'h2', 'w'],
    });
  });

  it('gives the only vote away with the ownership, in the same swap', () => {
    const alone = made(t.setWitness(null, false, CONTRACT), unarmed);
    const given = made(t.handOver(1, 'h1', 0, CONTRACT), alone);
    expect(given).toMatchObject({ owner: 'h2', voters: ['h2'], config: 3 });
    expect(made(t.takeBack('h1', 0), given)).toMatchObject({ owner: 'h1', voters: ['h1'], config: 4 });
    expect(t.force(alone, 'h2', 0)).toMatchObject({ owner: 'h2', voters: ['h2'], config: 3 });
    expect(t.force(record, 'h2', 0)).toMatchObject({ voters: record.voters, config: record.config });
  });

  it('changes the length of the lease only while nothing rests on it', () => {
    expect(t.settings({ profile: 'patient' })(record)).toEqual({ refused: 'armed' });
    expect(made(t.settings({ profile: 'patient' }), unarmed).profile).toBe('patient');
  });
});

describe('trials of the copy', () => {
  const fresh: LeaseRecord = { ...unarmed, drill: { passed: null, waived: null } };
  const passed = { at: 7, host: 'h2', fingerprint: 'f' };

  it('are asked for before arming, of a record that knows them', () => {
    expect(t.arm(1, 'h1', CONTRACT)(fresh)).toEqual({ refused: 'not-armable' });
    expect(made(t.arm(1, 'h1', CONTRACT), unarmed).armed).toBe(true);
  });

  it('permit arming once passed, whatever becomes of the copy later', () => {
    const tried = made(t.drillPassed('h2', passed), fresh);
    expect(tried.drill).toEqual({ passed, waived: null });
    expect(made(t.arm(1, 'h1', CONTRACT), tried).armed).toBe(true);
    expect(t.drillPassed('h2', { ...passed, at: 6 })(tried)).toBe(tried);
  });

  it('are believed of the standby only', () => {
    expect(t.drillPassed('h1', passed)(fresh)).toEqual({ refused: 'not-the-standby' });
  });

  it('may be done without; the first decision stays on record', () => {
    const waived = made(t.waiveDrill('Ann', 5), fresh);
    expect(waived.drill).toEqual({ passed: null, waived: { at: 5, by: 'Ann' } });
    expect(t.waiveDrill('Bob', 6)(waived)).toBe(waived);
    expect(made(t.arm(1, 'h1', CONTRACT), waived).armed).toBe(true);
    expect(made(t.waiveDrill('Ann', 5), unarmed).drill?.waived?.by).toBe('Ann');
  });

  it('never disarm', () => {
    const armed: LeaseRecord = { ...record, drill: { passed: null, waived: { at: 1, by: 'x' } } };
    expect(made(t.drillPassed('h2', passed), armed).armed).toBe(true);
  });
});

describe('another standby', () => {
  const alone: LeaseRecord = {
    ...unarmed,
    voters: ['h1'],
    config: 2,
    replica: { ...record.replica, state: 'none' },
  };
  const change = t.setStandby(1, 'h1', 'h3', 7, CONTRACT);

  it('takes the place of the old one in a new configuration, with a replica that is worth nothing', () => {
    expect(made(change, { ...alone, replica: record.replica })).toMatchObject({
      members: ['h1', 'h3'],
      voters: ['h1'],
      config: 3,
      owner: 'h1',
      epoch: alone.epoch,
      former: null,
      replica: { state: 'none', since: 7 },
      version: alone.version + 1,
    });
    const second: LeaseRecord = { ...alone, owner: 'h2', voters: ['h2'] };
    expect(made(t.setStandby(1, 'h2', 'h3', 7, CONTRACT), second).members).toEqual(['h3', 'h2']);
  });

  it('is found made already', () => {
    const changed = made(change, alone);
    expect(change(changed)).toBe(changed);
  });

  it.each([
    ['armed', { armed: true }],
    ['others-vote', { voters: ['h1', 'h2', 'w'] }],
    ['not-begun', { begun: false }],
    ['superseded', { owner: 'h2', epoch: { n: 2, by: '' } }],
  ] as const)('is refused: %s', (refused, given) => {
    expect(
      change({ ...alone, ...given, voters: 'voters' in given ? [...given.voters] : alone.voters }),
    ).toEqual({
      refused,
    });
  });

  it('is never the owner itself', () => {
    expect(t.setStandby(1, 'h1', 'h1', 7, CONTRACT)(alone)).toEqual({ refused: 'not-a-standby' });
  });

  it('leaves nothing that the old one could do by itself', () => {
    const changed = {
      ...made(change, alone),
      armed: true,
      replica: record.replica,
      policy: 'automatic' as const,
    };
    expect(t.noSuccession(changed, 'h2', CONTRACT)).toBe('not-the-standby');
    expect(t.takeBack('h2', 0)(changed)).toEqual({ refused: 'begun' });
  });
});
