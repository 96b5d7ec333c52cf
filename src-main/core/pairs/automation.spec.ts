import { describe, expect, test } from 'vitest';
import type { LeaseView, LocalCopy, PairRecord, PairStatus } from '../../../agent/protocol/index.ts';
import { pairStatus } from '../testing/fake-link.ts';
import { armedLease, armedRecord, leaseView, pairRecord } from '../testing/pair-words.ts';
import type { HostSight, JoinInput } from './inputs.ts';
import { joinPair } from './join.ts';

const NOW = Date.UTC(2026, 4, 6, 12, 0, 0);
const answers = (name: string): HostSight => ({ name, reach: 'answers', silentSince: null });
const silent = (name: string): HostSight => ({ name, reach: 'silent', silentSince: NOW - 9_000 });
const ALL = { 'h-atlas': answers('atlas'), 'h-boreas': answers('boreas'), 'h-pi': answers('pi') };
const ATLAS_LOST = { ...ALL, 'h-atlas': silent('atlas') };

interface Given {
  record?: PairRecord;
  atlas?: Partial<LeaseView>;
  boreas?: Partial<LeaseView>;
  atlasLocal?: LocalCopy;
  boreasLocal?: LocalCopy;
  input?: Partial<JoinInput>;
  /** boreas' view of atlas. */
  peer?: PairStatus['peer'];
}

function join(given: Given = {}) {
  const { record = armedRecord, input = {} } = given;
  const word = (status: PairStatus) => ({ status, heardAt: NOW, leaseAt: NOW - 200 });
  const atlas = pairStatus('h-atlas', { record, lease: armedLease('owner', given.atlas) });
  const boreas = pairStatus('h-boreas', { record, lease: armedLease('standby', given.boreas) });
  return joinPair({
    members: {
      'h-atlas': word({ ...atlas, local: given.atlasLocal ?? atlas.local }),
      'h-boreas': word({
        ...boreas,
        local: given.boreasLocal ?? boreas.local,
        peer: given.peer ?? boreas.peer,
      }),
    },
    hosts: ALL,
    tasks: [],
    previous: null,
    now: NOW,
    ...input,
  });
}

describe('an armed pair', () => {
  test('shows who holds the lease until when, in this console time, and the three votes', () => {
    const { automation, health } = join();
    expect(health).toBe('in-sync');
    expect(automation).toMatchObject({
      armed: true,
      policy: 'automatic',
      changes: 0,
      witness: { hostId: 'h-pi', name: 'pi' },
      guard: { hostId: 'h-atlas', fit: true, on: true },
      obstacles: [],
      stepsIn: null,
      quarantine: null,
    });
    expect(automation.lease).toMatchObject({
      holder: 'h-atlas',
      renewedAt: NOW - 1_200,
      endsAt: NOW + 2_800,
      saidBy: 'h-atlas',
    });
    expect(automation.lease?.voters.map(({ name, as, heardAt }) => [name, as, heardAt])).toEqual([
      ['atlas', 'owner', NOW - 200],
      ['boreas', 'standby', NOW - 200],
      ['pi', 'witness', NOW - 1_200],
    ]);
  });

  test('the members as the page gets them carry no lease of their own', () => {
    expect(join().members['h-atlas']?.status).not.toHaveProperty('lease');
  });
});

describe('the standby misses the owner', () => {
  const missed = { heldMs: 900 };

  test('after two renewals it says when it steps in, although this console still hears the host', () => {
    const pair = join({ boreas: missed, atlas: { leftMs: null } });
    expect(pair.health).toBe('stepping-in');
    expect(pair.automation.stepsIn).toMatchObject({ hostId: 'h-boreas', at: NOW + 700 });
    expect(pair.sentence).toMatch(
      /^boreas misses atlas, which runs web: it steps in at .* unless it hears atlas\.$/,
    );
  });

  test('a lost link to the owner is enough to count down by', () => {
    const peer = { hostId: 'h-atlas', reachable: false, since: NOW };
    const given = { atlas: { leftMs: null }, boreas: {}, input: { hosts: ATLAS_LOST } };
    expect(join(given).health).toBe('in-sync');
    expect(join({ ...given, peer }).automation.stepsIn).toMatchObject({ at: NOW + 3_050 });
  });

  test('nobody steps in while the owner holds a lease by the witness', () => {
    expect(join({ boreas: missed }).health).toBe('in-sync');
  });

  test.each([
    ['is not automatic any more', { record: { ...armedRecord, paused: true } }],
    ['is in maintenance', { record: { ...armedRecord, maintenance: { until: NOW + 9e5, reason: '' } } }],
    ['cannot read the record from a majority', { boreas: { heldMs: null, known: false } }],
  ])('it %s: a person is asked', (_, given) => {
    const pair = join({ boreas: missed, ...given, input: { hosts: ATLAS_LOST } });
    expect(pair.automation.stepsIn).toBeNull();
    expect(pair.health).not.toBe('stepping-in');
  });

  test('when it did not get the votes in time, a person is asked', () => {
    const boreas = { heldMs: null };
    const lost = { hostId: 'h-atlas', reachable: false, since: NOW };
    const later = (ms: number) => {
      const pair = pairStatus('h-boreas', {
        record: armedRecord,
        lease: armedLease('standby', boreas),
        peer: lost,
      });
      return joinPair({
        members: { 'h-boreas': { status: pair, heardAt: NOW, leaseAt: NOW } },
        hosts: ATLAS_LOST,
        tasks: [],
        previous: null,
        now: NOW + ms,
      });
    };
    expect(later(1_000).sentence).toContain('is stepping in');
    expect(later(13_000).health).toBe('primary-lost');
  });
});

describe('not armed', () => {
  const kinds = (given: Given) => join(given).automation.obstacles.map((each) => [each.kind, each.mend]);

  test('a manual pair without a witness', () => {
    expect(kinds({ record: pairRecord })).toEqual([
      ['policy-manual', 'policy'],
      ['no-witness', 'witness'],
    ]);
  });

  test('paused, in maintenance, without a complete copy or a guard: each with what mends it', () => {
    const record: PairRecord = {
      ...armedRecord,
      armed: false,
      paused: true,
      maintenance: { until: NOW + 3_600_000, reason: 'new disks' },
      replica: { ...armedRecord.replica, state: 'stale' },
    };
    const guard = { fit: false, on: false, why: 'it has no real-time scheduling.' };
    const found = join({ record, atlas: { guard } }).automation.obstacles;
    expect(found.map((each) => [each.kind, each.mend, each.hostId])).toEqual([
      ['paused', 'resume', null],
      ['maintenance', 'maintenance', null],
      ['not-in-sync', 'return', null],
      ['guard-unfit', 'host', 'h-atlas'],
    ]);
    expect(found[1]?.text).toMatch(/^In maintenance until .*: new disks\.$/);
    expect(found[3]?.text).toContain('no real-time scheduling');
  });

  test('a copy under way mends itself', () => {
    const record: PairRecord = {
      ...armedRecord,
      armed: false,
      replica: { ...armedRecord.replica, state: 'catching-up' },
    };
    const status = pairStatus('h-atlas', { record, lease: leaseView() });
    const mirror = { ...status.mirror, state: 'copying' as const };
    const pair = joinPair({
      members: {
        'h-atlas': {
          status: {
            ...status,
            mirror: { doneBytes: 1, totalBytes: 9, rateBps: 1, since: 1, problem: null, ...mirror },
          },
          heardAt: NOW,
          leaseAt: NOW,
        },
      },
      hosts: ALL,
      tasks: [],
      previous: null,
      now: NOW,
    });
    expect(pair.automation.obstacles).toMatchObject([{ kind: 'not-in-sync', mend: null }]);
  });

  test('what both agents say is said once, with both names; what the record says is said here', () => {
    const record = { ...armedRecord, armed: false };
    const missing = { kind: 'voter-missing', text: 'pi has not answered since 14:02:03.' };
    const said = join({ record, atlas: { hindrances: [missing] }, boreas: { hindrances: [missing] } });
    expect(said.automation.obstacles).toMatchObject([
      { ...missing, saidBy: ['atlas', 'boreas'], mend: 'host', hostId: 'h-pi' },
    ]);
    const alone = { kind: 'no-witness', text: 'A third vote is missing.' };
    const own = join({ record: pairRecord, atlas: { hindrances: [alone] } }).automation.obstacles;
    expect(own.filter((each) => each.kind === 'no-witness')).toMatchObject([{ saidBy: [] }]);
    const two = ['boreas does not answer.', 'pi does not answer.'].map((text) => ({
      kind: 'voter-missing',
      text,
    }));
    const both = join({ record, atlas: { hindrances: two } }).automation.obstacles;
    expect(both.map((each) => each.hostId)).toEqual(['h-boreas', 'h-pi']);
  });

  test('a silent host’s reasons are of yesterday', () => {
    const record = { ...armedRecord, armed: false };
    const atlas = { hindrances: [{ kind: 'disk', text: 'Its disk is slow.' }] };
    expect(join({ record, atlas, input: { hosts: ATLAS_LOST } }).automation.obstacles).toEqual([]);
  });
});

test('a machine the guard froze', () => {
  const pair = join({ atlasLocal: { kind: 'primary', vm: 'frozen' }, atlas: { leftMs: null } });
  expect(pair.health).toBe('frozen');
  expect(pair.sentence).toMatch(/^web is frozen on atlas: .* goes on by itself/);
});

describe('after the standby stepped in by itself', () => {
  const taken: PairRecord = {
    ...armedRecord,
    epoch: { n: 2, by: '' },
    owner: 'h-boreas',
    armed: false,
    change: 'takeover',
    former: null,
    replica: { mode: 'sync', state: 'none', point: null, since: NOW - 3_000 },
  };
  const given: Given = {
    record: taken,
    boreasLocal: { kind: 'primary', vm: 'running' },
    input: { hosts: ATLAS_LOST },
  };

  test('it is on stage, without anybody’s order', () => {
    const before = join();
    const pair = join({ ...given, input: { ...given.input, previous: before } });
    expect(pair).toMatchObject({ primary: 'h-boreas', onStageSince: { hostId: 'h-boreas', at: NOW } });
    expect(pair.automation).toMatchObject({ changes: 1, lastChange: 'takeover' });
    const later = join({ ...given, input: { ...given.input, previous: pair, now: NOW + 60_000 } });
    expect(later.onStageSince).toEqual(pair.onStageSince);
  });

  test('a console started later learns it from the record', () => {
    expect(join(given).onStageSince).toEqual({ hostId: 'h-boreas', at: NOW - 3_000 });
  });

  test('the returned host’s copy is aside, with both numbers', () => {
    const aside = { since: NOW, ownEpoch: { n: 1, by: '' }, supersededBy: { n: 2, by: '' } };
    const pair = join({
      ...given,
      atlasLocal: { kind: 'quarantined', ...aside },
      input: {},
    });
    expect(pair.automation.quarantine).toEqual({
      hostId: 'h-atlas',
      since: NOW,
      ownEpoch: 1,
      supersededBy: 2,
      forced: false,
    });
  });
});
