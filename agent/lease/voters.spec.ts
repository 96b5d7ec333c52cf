import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fail, ok } from '../protocol/index.ts';
import { freshState, type VoterState } from './acceptor.ts';
import type { Body, Envelope } from './messages.ts';
import { founding, type LeaseRecord, type Versioned } from './record.ts';
import { FakeSite } from './testing/fake-site.ts';
import { armedRecord } from './testing/three-voters.ts';
import { GUARD_BOUND_MS, timingOf } from './timing.ts';
import { MemoryVotes } from './vote-store.ts';
import { Voters, type VotersDeps } from './voters.ts';

/** The witness' set of voters, of a pair `p` of h1 and h2, on a clock that stands until it is moved. */
let store: MemoryVotes;
let sent: Envelope[];
let told: string[];
let changed: LeaseRecord[];
let voters: Voters;

beforeEach(() => {
  vi.useFakeTimers();
  store = new MemoryVotes();
  [sent, told, changed] = [[], [], []];
  voters = started();
  return () => vi.useRealTimers();
});

const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

function started(more: Partial<VotersDeps> = {}): Voters {
  const made = new Voters({
    self: () => 'w',
    store,
    clock: {
      bootMs: () => Date.now(),
      setTimeout(run, ms) {
        const timer = setTimeout(run, ms);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    send: (envelope) => sent.push(envelope),
    site: () => null,
    audit: (_pairId, event) => told.push(event),
    warn: (text) => told.push(text),
    changed: (_pairId, record) => changed.push(record),
    ...more,
  });
  made.start();
  return made;
}

const first = founding(armedRecord());
const later = (change: Partial<LeaseRecord>, ballot: Partial<Versioned['ballot']> = {}): Versioned => ({
  ballot: { ...first.ballot, round: 9, ...ballot },
  record: { ...first.record, version: 9, ...change },
});
const HOLD_MS = timingOf(first.record.profile, GUARD_BOUND_MS).holdMs;

const envelope = (from: string, chosen: Versioned, body: Body = { kind: 'gossip' }): Envelope => ({
  pairId: 'p',
  from,
  to: 'w',
  config: chosen.record.config,
  progress: { incarnation: 1, writes: 1 },
  origin: { incarnation: 0, writes: 0 },
  seen: null,
  chosen,
  body,
});
const query = (from: string, chosen: Versioned): Envelope => envelope(from, chosen, { kind: 'query', id: 7 });
const kinds = (kind: Body['kind']): Envelope[] => sent.filter(({ body }) => body.kind === kind);

describe('a record that is shown', () => {
  it('makes no sound voter of one that is counted on already and has forgotten it', async () => {
    const kept = voters.seed('p', later({}), false);
    await advance(2 * HOLD_MS);
    await kept;
    expect(voters.get('p')?.voter.state.sound).toBe(false);
    voters.receive(envelope('h1', later({}), { kind: 'lease', id: 1, candidate: false, leaseMs: 4_000 }));
    await advance(1);
    expect(kinds('granted')).toEqual([]);
    expect(kinds('denied')).toMatchObject([{ body: { reason: 'unsound' } }]);
  });

  it('makes a voter of a brand-new pair at once, durable before the answer', async () => {
    await voters.seed('p', first, true);
    expect((await store.load()).get('p')).toMatchObject({ value: { accepted: first, chosen: first } });
    expect(changed).toEqual([first.record]);
    voters.receive(envelope('h1', first, { kind: 'lease', id: 1, candidate: false, leaseMs: 4_000 }));
    await advance(1);
    expect(kinds('granted')).toHaveLength(1);
  });

  it('makes any other newcomer keep its restart silence first', async () => {
    const before = later({ voters: ['h1', 'h2', 'other'] });
    let over = false;
    const kept = voters.seed('p', before, false).then(() => {
      over = true;
    });
    await advance(HOLD_MS);
    expect(over).toBe(false);
    voters.receive(envelope('h2', before, { kind: 'lease', id: 1, candidate: true, leaseMs: 4_000 }));
    await advance(0);
    expect(kinds('denied').map(({ body }) => body)).toMatchObject([{ reason: 'silent' }]);
    await advance(100);
    await kept;
    expect(over).toBe(true);
    // One that has forgotten nothing has nothing to wait for.
    await voters.seed('p', later({}, { round: 10 }), false);
    expect(voters.chosen('p')?.ballot.round).toBe(10);
  });

  it('makes one voter only, however many show it at once', async () => {
    // Each node that is made is told its site: two of one pair would write over each other's votes.
    const site = vi.fn(() => new FakeSite(() => Date.now(), false));
    voters = started({ site });
    await Promise.all([voters.seed('p', first, true), voters.seed('p', later({}), true)]);
    expect(site).toHaveBeenCalledTimes(1);
    expect(voters.holds('p', later({}))).toBe(true);
  });

  it('gives a member its duties also where only a vote was kept before', async () => {
    let site: FakeSite | null = null;
    voters = started({ self: () => 'h2', site: () => site });
    await voters.seed('p', later({ members: ['h1', 'x'], voters: ['h1', 'x', 'w'] }), true);
    site = new FakeSite(() => Date.now(), false);
    await voters.seed('p', later({ armed: false, voters: ['h1'], config: 2 }, { config: 2 }), true);
    expect(voters.get('p')?.force(0)).toBe(true);
    await advance(HOLD_MS);
    expect(site.did).toContain('start');
  });

  it('is weighed by ballot: a forced epoch outranks any later version of the history it overrode', async () => {
    const forced = later({ version: 4, owner: 'h2' }, { force: { n: 2, by: 'h2' }, round: 1 });
    await voters.seed('p', later({ version: 9 }), true);
    expect(voters.holds('p', forced)).toBe(false);
    await voters.seed('p', forced, true);
    expect(voters.record('p')).toMatchObject({ version: 4, owner: 'h2' });
    await voters.seed('p', later({ version: 12 }, { round: 40 }), true);
    expect(voters.holds('p', later({ version: 12 }, { round: 40 }))).toBe(true);
    expect(voters.record('p')?.version).toBe(4);
  });

  it('is weighed by configuration before round', async () => {
    const newer = later({ config: 2 }, { config: 2, round: 1 });
    await voters.seed('p', newer, true);
    expect(voters.holds('p', later({ version: 30 }, { round: 50 }))).toBe(true);
    expect(voters.holds('p', later({ config: 3 }, { config: 3, round: 1 }))).toBe(false);
    expect(voters.holds('q', newer)).toBe(false);
  });
});

describe('a message of a pair that is not known here', () => {
  it('that counts on this voter makes it abstain until it has read both others', async () => {
    voters.receive(query('h1', later({})));
    await advance(HOLD_MS);
    expect(told).toContain('votes-lost');
    expect(kinds('state')[0]?.body).toMatchObject({ sound: false });
    expect(new Set(kinds('prepare').map(({ to }) => to))).toEqual(new Set(['h1', 'h2']));
    voters.receive(envelope('h1', later({}), { kind: 'lease', id: 1, candidate: false, leaseMs: 4_000 }));
    await advance(1);
    expect(kinds('denied')[0]?.body).toMatchObject({ reason: 'unsound' });
  });

  it.each([
    ['is just being founded', first],
    ['is voted on by others', later({ voters: ['h1', 'h2', 'x'] })],
  ])('that %s makes nothing', async (_, chosen) => {
    voters.receive(query('h1', chosen));
    await advance(1);
    expect(voters.ids()).toEqual([]);
    expect(sent).toEqual([]);
  });

  it('that ended here brings nothing back, but a record shown anew does', async () => {
    await voters.seed('p', first, true);
    await voters.bury('p');
    voters.receive(query('h1', later({})));
    voters.rejoin('p', later({}));
    expect(voters.ids()).toEqual([]);
    await voters.seed('p', later({}), true);
    expect([voters.ids(), [...voters.buried]]).toEqual([['p'], []]);
  });
});

describe('what was voted before', () => {
  const reload = async (more: Partial<VotersDeps> = {}): Promise<void> => {
    await voters.stop();
    voters = started(more);
  };

  it('is taken up in a new incarnation, which keeps silence', async () => {
    await voters.seed('p', first, true);
    await advance(1);
    await reload();
    await voters.load();
    voters.receive(envelope('h2', first, { kind: 'lease', id: 1, candidate: true, leaseMs: 4_000 }));
    await advance(1);
    expect(kinds('denied')[0]).toMatchObject({ body: { reason: 'silent' }, progress: { incarnation: 2 } });
  });

  it('is not believed when it is damaged, nor when a copy is here and no votes are', async () => {
    const problem = { kind: 'state-damaged', message: '', next: '', details: { why: 'half' } };
    const read = new Map([
      ['p', fail(problem)],
      ['r', ok<VoterState>({ ...freshState(true), chosen: first })],
    ]);
    await reload({ store: Object.assign(new MemoryVotes(), { load: async () => read }) });
    await voters.load(['q', 'r']);
    const sound = (pairId: string) => voters.get(pairId)?.voter.state.sound;
    expect(['p', 'q', 'r'].map(sound)).toEqual([false, false, true]);
    expect(told).toEqual(['votes-damaged']);
  });

  it('is neither said nor written once it has stopped', async () => {
    await voters.seed('p', first, true);
    await advance(1);
    await voters.stop();
    const kept = (await store.load()).get('p');
    sent.length = 0;
    voters.receive(query('h1', later({})));
    await advance(HOLD_MS);
    expect(sent).toEqual([]);
    expect((await store.load()).get('p')).toEqual(kept);
  });
});

it('keeps no votes of a pair for long that others vote on', async () => {
  await voters.seed('p', first, true);
  voters.receive(envelope('h1', later({ config: 2, voters: ['h1', 'h2', 'x'] }, { config: 2 })));
  await advance(59_000);
  expect(voters.ids()).toEqual(['p']);
  await advance(2_000);
  expect(told).toContain('vote-over');
  expect(voters.ids()).toEqual([]);
  expect((await store.load()).size).toBe(0);
});

describe('a place that is neither member nor voter any more', () => {
  const outside = later({ members: ['h1', 'x'], voters: ['h1', 'x', 'y'], config: 2 }, { config: 2 });

  it('leaves the pair to whoever keeps more of it than votes, and asks again while it cannot go', async () => {
    const leave = vi.fn<(pairId: string) => Promise<boolean>>(async () => false);
    voters = started({ leave });
    await voters.seed('p', outside, true);
    await advance(61_000);
    expect(leave).toHaveBeenCalledExactlyOnceWith('p');
    await advance(61_000);
    expect(leave).toHaveBeenCalledTimes(2);
    expect(voters.ids()).toEqual(['p']);
    leave.mockImplementation(async (pairId) => voters.bury(pairId).then(() => true));
    await advance(61_000);
    expect(voters.ids()).toEqual([]);
    expect(told).not.toContain('vote-over');
  });

  it('asks again after an attempt that broke off', async () => {
    const leave = vi.fn(() => Promise.reject(new Error('disk full')));
    voters = started({ leave });
    await voters.seed('p', outside, true);
    await advance(122_000);
    expect(leave).toHaveBeenCalledTimes(2);
    expect(told).toContain('p: Error: disk full');
  });
});
