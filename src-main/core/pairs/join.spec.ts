import { describe, expect, test } from 'vitest';
import type { PairRecord } from '../../../agent/protocol/index.ts';
import {
  answers,
  deaf,
  join,
  mirror,
  NOW,
  primary,
  record,
  silent,
  standby,
  status,
  task,
} from '../testing/two-words.ts';
import type { HostSight } from './inputs.ts';
import { hasEnded, ON_STAGE_MS } from './join.ts';

describe('both answer', () => {
  test('in sync, by mirror and record', () => {
    const view = join();
    expect(view).toMatchObject({
      id: 'p1',
      name: 'web',
      primary: 'h-atlas',
      standby: 'h-boreas',
      health: 'in-sync',
      since: NOW - 5_000,
      stale: false,
    });
    expect(view.sentence).toMatch(/^In sync since .*: every write web confirms is on boreas too\.$/);
  });

  test('a mirror in sync whose record is not yet written is still copying', () => {
    const atlas = primary({ record: { ...record, replica: { ...record.replica, state: 'catching-up' } } });
    expect(join({ atlas, boreas: null }).health).toBe('copying');
  });

  test('copying tells how far, and whether it is the first', () => {
    const atlas = primary({ mirror: { ...mirror, state: 'copying', doneBytes: 42, totalBytes: 100 } });
    expect(join({ atlas, tasks: [task({})] }).sentence).toBe('The first copy to boreas is running: 42 %.');
    expect(join({ atlas, tasks: [task({ kind: 'resync' })] }).sentence).toMatch(
      /^The update of the copy on boreas/,
    );
  });

  test('a copy that was ordered and has no mirror yet is being prepared', () => {
    const view = join({ atlas: primary({ mirror: null }), tasks: [task({})] });
    expect(view).toMatchObject({ health: 'copying', since: NOW - 9_000 });
    expect(view.sentence).toBe('The first copy to boreas is being prepared.');
  });

  test('held writes', () => {
    const view = join({ atlas: primary({ mirror: { ...mirror, state: 'held', since: NOW - 300 } }) });
    expect(view).toMatchObject({ health: 'held', since: NOW - 300 });
  });

  test.each(['stale', 'none'] as const)('a broken mirror with a replica that is %s', (state) => {
    const replica = { ...record.replica, state, point: state === 'none' ? null : NOW - 90_000 };
    const atlas = primary({
      mirror: { ...mirror, state: 'broken' },
      record: { ...record, version: 4, replica },
    });
    const view = join({ atlas });
    expect(view.health).toBe('not-in-sync');
    expect(view.sentence).toContain(state === 'none' ? 'without a usable copy' : 'alone');
  });

  test('a guest shut down by hand; the time holds while it stays so', () => {
    const atlas = status({ kind: 'primary', vm: 'stopped' });
    const first = join({ atlas });
    expect(first).toMatchObject({ health: 'stopped', since: NOW });
    expect(join({ atlas, previous: first, now: NOW + 5_000 }).since).toBe(NOW);
  });
});

describe('a host is silent', () => {
  const boreasAnswers = { 'h-atlas': silent('atlas'), 'h-boreas': answers('boreas') };

  test('the primary: lost, with what the copy was when last heard', () => {
    const view = join({ hosts: boreasAnswers, boreas: standby({ peer: deaf }) });
    expect(view).toMatchObject({ health: 'primary-lost', since: NOW - 60_000, stale: true });
    expect(view.sentence).toContain('in sync when last heard');
  });

  test('the primary, to this console only: no failover is suggested', () => {
    const view = join({ hosts: boreasAnswers });
    expect(view).toMatchObject({ health: 'in-sync', stale: true });
    expect(view.sentence).toContain('boreas hears it');
  });

  test('the standby', () => {
    const hosts = { 'h-atlas': answers('atlas'), 'h-boreas': silent('boreas') };
    const atlas = primary({ mirror: { ...mirror, state: 'broken' } });
    expect(join({ hosts, atlas })).toMatchObject({ health: 'standby-lost', since: NOW - 60_000 });
  });

  test('the standby, to this console only: the mirror knows better', () => {
    const hosts = { 'h-atlas': answers('atlas'), 'h-boreas': silent('boreas') };
    expect(join({ hosts })).toMatchObject({ health: 'in-sync', stale: true });
  });

  test('both', () => {
    const hosts = { 'h-atlas': silent('atlas', NOW - 9_000), 'h-boreas': silent('boreas', NOW - 7_000) };
    expect(join({ hosts })).toMatchObject({ health: 'unknown', since: NOW - 7_000 });
  });

  test('not yet decided: the last known is shown as old, nothing is called lost', () => {
    const trying: HostSight = { name: 'atlas', reach: 'trying', silentSince: null };
    expect(join({ hosts: { 'h-atlas': trying, 'h-boreas': answers('boreas') } })).toMatchObject({
      health: 'in-sync',
      stale: true,
    });
  });

  test('a primary that is not in the list at all', () => {
    const view = join({
      hosts: { 'h-boreas': answers('boreas') },
      atlas: null,
      boreas: standby({ peer: deaf }),
    });
    expect(view).toMatchObject({ health: 'primary-lost', primary: 'h-atlas' });
    expect(view.sentence).toMatch(/^Its other host has not answered\. web ran there;/);
  });
});

describe('after a failover', () => {
  const taken: PairRecord = {
    ...record,
    version: 5,
    epoch: { n: 2, by: 'h-boreas' },
    owner: 'h-boreas',
    forced: true,
    replica: { mode: 'sync', state: 'none', point: null, since: NOW - 1_000 },
  };
  const boreas = status({ kind: 'primary', vm: 'running' }, { record: taken });
  const done = task({ kind: 'failover', state: 'done', endedAt: NOW - 1_000 }, 'h-boreas');

  test('the newest record wins over the old owner word', () => {
    const hosts = { 'h-atlas': silent('atlas'), 'h-boreas': answers('boreas') };
    const view = join({ boreas, hosts, tasks: [done] });
    expect(view).toMatchObject({ primary: 'h-boreas', standby: 'h-atlas', health: 'standby-lost' });
    expect(view.onStageSince).toEqual({ hostId: 'h-boreas', at: NOW - 1_000 });
  });

  test('a higher epoch wins over a higher version', () => {
    const atlas = primary({ record: { ...record, version: 99 } });
    expect(join({ atlas, boreas }).primary).toBe('h-boreas');
  });

  test('it is news for a while only', () => {
    const view = join({ boreas, tasks: [task({ ...done.task, endedAt: NOW - ON_STAGE_MS - 1 })] });
    expect(view.onStageSince).toBeNull();
  });

  test('while it is being started', () => {
    const notYet = { ...boreas, record: { ...taken, begun: false } };
    const view = join({ boreas: notYet, tasks: [task({ kind: 'failover' }, 'h-boreas')] });
    expect(view).toMatchObject({ health: 'stopped', sentence: 'web is being started on boreas.' });
    expect(join({ boreas: notYet }).sentence).toBe('boreas took web over and is starting it.');
  });

  test('a new owner that waits for its own steps is starting; when that takes long, it says why', () => {
    const waiting = (since: number) =>
      status(
        { kind: 'waiting', since, reason: 'this host cannot start it now' },
        { record: { ...taken, begun: false } },
      );
    expect(join({ boreas: waiting(NOW - 500) })).toMatchObject({
      health: 'stopped',
      sentence: 'boreas took web over and is starting it.',
    });
    expect(join({ boreas: waiting(NOW - 15_000) })).toMatchObject({ health: 'waiting' });
  });

  test('the old host came back: quarantined, until it is being made the standby', () => {
    const atlas = status({
      kind: 'quarantined',
      since: NOW - 2_000,
      supersededBy: taken.epoch,
      ownEpoch: record.epoch,
    });
    const view = join({ atlas, boreas });
    expect(view).toMatchObject({ health: 'quarantined', since: NOW - 2_000 });
    expect(view.sentence).toBe('web runs on boreas. The old copy on atlas is set aside until you decide.');
    expect(join({ atlas, boreas, tasks: [task({ kind: 'resync' })] }).health).toBe('copying');
  });
});

test('an owner that cannot ask waits, and says why', () => {
  const atlas = status({ kind: 'waiting', since: NOW - 3_000, reason: 'boreas does not answer.' });
  const view = join({
    atlas,
    boreas: null,
    hosts: { 'h-atlas': answers('atlas'), 'h-boreas': silent('boreas') },
  });
  expect(view).toMatchObject({ health: 'waiting', since: NOW - 3_000 });
  expect(view.sentence).toContain('boreas does not answer.');
});

test('a switchover in progress, before and after the record changed hands', () => {
  const tasks = [task({ kind: 'switchover' })];
  expect(join({ tasks }).sentence).toBe('web is moving to boreas.');
  const handed: PairRecord = { ...record, epoch: { n: 2, by: '' }, owner: 'h-boreas', version: 4 };
  const boreas = status({ kind: 'primary', vm: 'running' }, { record: handed });
  expect(join({ tasks, boreas }).sentence).toBe('web is being started on boreas.');
});

test('a machine undefined by hand is in sync all the same, and the sentence says what to do', () => {
  const gone = status({ kind: 'primary', vm: 'running', defined: false }, { mirror });
  const joined = join({ atlas: gone });
  expect(joined.health).toBe('in-sync');
  expect(joined.sentence).toMatch(/is on boreas too\. web was undefined on atlas by hand/);
});

describe('a protection that has ended', () => {
  const word = { status: status({ kind: 'standby', exports: 'open' }), heardAt: NOW, leaseAt: NOW };
  const both = (boreas: HostSight) => ({ 'h-atlas': answers('atlas'), 'h-boreas': boreas });

  test('is no pair any more when only the silent standby still had it', () => {
    expect(hasEnded({ 'h-boreas': word }, both(silent('boreas')))).toBe(true);
    expect(hasEnded({}, both(answers('boreas')))).toBe(true);
  });

  test('is not taken for granted while the owner has it, is silent, or the standby answers', () => {
    const owner = { status: primary(), heardAt: NOW, leaseAt: NOW };
    expect(hasEnded({ 'h-atlas': owner, 'h-boreas': word }, both(silent('boreas')))).toBe(false);
    expect(hasEnded({ 'h-boreas': word }, both(answers('boreas')))).toBe(false);
    const nobody = { 'h-atlas': silent('atlas'), 'h-boreas': silent('boreas') };
    expect(hasEnded({ 'h-boreas': word }, nobody)).toBe(false);
  });
});

test('a standby that another has replaced has no say, though this console still holds its word', () => {
  const atlas = primary({
    record: { ...record, version: record.version + 3, members: ['h-atlas', 'h-cora'] },
  });
  const hosts = { 'h-atlas': answers('atlas'), 'h-boreas': answers('boreas'), 'h-cora': answers('cora') };
  const view = join({ atlas, boreas: standby(), hosts });
  expect(view).toMatchObject({ primary: 'h-atlas', standby: 'h-cora', health: 'in-sync' });
  expect(Object.keys(view.members)).toEqual(['h-atlas']);
});
