import { describe, expect, it } from 'vitest';
import { armed, at, fleet, host, manual, pair } from '../../src-main/contract/testing-fleet.ts';
import {
  automationMark,
  countdown,
  foremostObstacle,
  leaseSentence,
  maintenanceState,
  mendAction,
  pauseState,
  startsAfterMs,
  voterMark,
} from './automation.ts';
import { ordinal } from './messages/automation.ts';

const hosts = [host('atlas'), host('boreas'), host('pi', { role: 'witness' })];
const of = (automation = armed('atlas', 'boreas')) =>
  pair('mail', 'atlas', 'boreas', 'in-sync', { automation });
const snapshot = fleet(hosts, [], [of()]);

describe('the shield', () => {
  it('says in one word what the pair would do', () => {
    const word = (over: Partial<typeof manual>) =>
      automationMark(of({ ...armed('atlas', 'boreas'), ...over })).word;
    const unarmed = { armed: false, obstacles: manual.obstacles };
    expect(word({})).toBe('armed');
    expect(word({ ...unarmed, policy: 'manual' })).toBe('manual');
    expect(word({ ...unarmed, paused: true })).toBe('paused');
    expect(word({ ...unarmed, maintenance: { until: at, reason: '' } })).toBe('in maintenance');
    expect(word(unarmed)).toBe('not armed');
    expect(word({ armed: false, obstacles: [] })).toBe('arming');
  });

  it('takes its time from the votes’ real hold', () => {
    expect(startsAfterMs(of())).toBe(4_850);
  });
});

describe('the lease in words', () => {
  it('goes on between two messages', () => {
    expect(leaseSentence(of(), snapshot, at)).toBe('atlas may run it until renewed; renewed 1 s ago.');
    expect(leaseSentence(of(), snapshot, at + 1_000)).toBe(
      'atlas may run it until renewed; renewed 2 s ago.',
    );
    expect(leaseSentence(of(), snapshot, at + 9_000)).toBe('atlas has no lease now.');
    expect(leaseSentence(of(manual), snapshot, at)).toMatch(/^Runs without a lease/);
  });

  it('becomes a countdown when the standby misses the owner', () => {
    const stepsIn = { hostId: 'boreas', at: at + 1_800, missingSince: at - 2_400 };
    const coming = of(armed('atlas', 'boreas', 'pi', at, { stepsIn }));
    expect(countdown(coming, snapshot, at)).toBe('boreas steps in in 2 s unless atlas is heard.');
    expect(countdown(coming, snapshot, at + 1_900)).toBe('boreas is stepping in now.');
    expect(countdown(of(), snapshot, at)).toBeNull();
  });
});

it('a vote that is not heard for longer than it counts is missing', () => {
  const [, , pi] = of().automation.lease?.voters ?? [];
  if (!pi) throw new Error('no witness');
  expect(voterMark(of(), pi, at).tone).toBe('ok');
  expect(voterMark(of(), pi, at + 30_000).word).toBe('silent for 31 s');
  expect(voterMark(of(), { ...pi, current: false }, at).tone).toBe('progress');
  expect(voterMark(of(), { ...pi, heardAt: null }, at).word).toBe('not heard yet');
});

describe('what stands in the way', () => {
  const obstacle = (
    kind: string,
    mend: 'host' | 'resume' | 'witness' | null,
    hostId: string | null = null,
  ) => ({
    kind,
    text: kind,
    saidBy: [],
    mend,
    hostId,
  });

  it('is told broken things first', () => {
    const obstacles = [
      obstacle('policy-manual', null),
      obstacle('not-in-sync', null),
      obstacle('guard', 'host', 'atlas'),
    ];
    expect(foremostObstacle(of({ ...manual, obstacles }))?.kind).toBe('guard');
  });

  it('has a button each: a place, an order, or none', () => {
    expect(mendAction(of(), obstacle('guard', 'host', 'pi'), snapshot)).toEqual({
      label: 'Look at pi',
      href: '#/hosts/pi',
    });
    expect(mendAction(of(), obstacle('paused', 'resume'), snapshot)?.href).toBeNull();
    expect(mendAction(of(), obstacle('no-witness', 'witness'), snapshot)?.href).toBe(
      '#/witness?pair=pair-mail',
    );
    expect(mendAction(of(), obstacle('else', null), snapshot)).toBeNull();
  });
});

it('the one switch counts what is paused, and maintenance when the last of it ends', () => {
  const paused = pair('db', 'atlas', 'boreas', 'in-sync', { automation: { ...manual, paused: true } });
  const maintenance = { until: at + 5, reason: 'disks' };
  const worked = pair('www', 'atlas', 'boreas', 'in-sync', { automation: { ...manual, maintenance } });
  const all = fleet(hosts, [], [of(), paused, worked]);
  expect(pauseState(all)).toEqual({ pairs: 3, paused: 1, automatic: 1, empty: false });
  expect(maintenanceState(all)).toMatchObject({ until: at + 5, pairs: [{ name: 'www' }] });
});

it('counts changes of sides as people do', () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).join(' ')).toBe(
    '1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th',
  );
});
