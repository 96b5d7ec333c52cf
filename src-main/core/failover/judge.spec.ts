import { describe, expect, test } from 'vitest';
import type { LeaseView, PairRecord, Sight } from '../../../agent/protocol/index.ts';
import { armedLease, armedRecord, pairRecord } from '../testing/pair-words.ts';
import type { OldHostWord, Onlooker, VerdictInputs } from './inputs.ts';
import { isWorse, judge } from './judge.ts';

const NOW = Date.UTC(2026, 4, 6, 12, 0, 0);

const record: PairRecord = {
  ...pairRecord,
  replica: { mode: 'sync', state: 'in-sync', point: NOW - 70_000, since: NOW - 90_000 },
};

const sight = (reachable: boolean): Sight => ({
  hostId: 'h-atlas',
  name: 'atlas',
  reachable,
  since: NOW - 60_000,
  lastHeardAt: reachable ? NOW : NOW - 61_000,
});
const boreas = (reachable: boolean | null): Onlooker => ({
  name: 'boreas',
  as: 'standby',
  sight: reachable === null ? null : sight(reachable),
});
const witness = (reachable: boolean | null): Onlooker => ({
  ...boreas(reachable),
  name: 'pi',
  as: 'witness',
});
const word = (change: Partial<OldHostWord> = {}): OldHostWord => ({
  vm: 'running',
  hypervisorReachable: true,
  local: 'primary',
  frozen: false,
  ...change,
});

function verdict(change: Partial<VerdictInputs> = {}) {
  return judge({
    now: NOW,
    machine: 'web',
    pairId: 'p1',
    old: { name: 'atlas', reach: 'silent', silentSince: NOW - 60_000 },
    oldWord: null,
    standby: { name: 'boreas', reach: 'answers', silentSince: null },
    standbyId: 'h-boreas',
    standbyWord: null,
    oldId: 'h-atlas',
    onlookers: [boreas(false), witness(false)],
    record,
    newest: change.record === undefined ? record : change.record,
    ...change,
  });
}

const answering = { name: 'atlas', reach: 'answers', silentSince: null } as const;

describe('nobody hears the old host', () => {
  test('nothing proves that it stopped: a person must vouch and is told what could go wrong', () => {
    const v = verdict();
    expect(v).toMatchObject({
      result: 'unproven',
      typedName: 'web',
      refusal: null,
      standby: 'h-boreas',
      replica: { usable: true },
    });
    expect(v.risks.join(' ')).toMatch(/same address.*power/);
    expect(v.evidence.map((piece) => [piece.source, piece.says])).toEqual([
      ['this console', 'nothing'],
      ["boreas's agent", 'nothing'],
      ['witness pi', 'nothing'],
    ]);
    expect(v.evidence[0]?.text).toMatch(/^has not reached atlas since /);
  });

  test('an onlooker that cannot be asked is named, and proves nothing', () => {
    const v = verdict({ onlookers: [boreas(null)] });
    expect(v.result).toBe('unproven');
    expect(v.evidence[1]?.text).toBe('could not be asked about atlas');
  });

  test('however many do not hear it, silence is no proof', () => {
    const onlookers = Array.from({ length: 9 }, (_, n) => ({ ...witness(false), name: `w${n}` }));
    expect(verdict({ onlookers }).result).toBe('unproven');
  });
});

describe('somebody hears the old host, this console does not', () => {
  test.each([
    ['standby', [boreas(true), witness(false)]],
    ['witness', [boreas(false), witness(true)]],
  ])('heard by the %s: refused, with the way out', (_, onlookers) => {
    const v = verdict({ onlookers });
    expect(v).toMatchObject({ result: 'running', typedName: null, refusal: { kind: 'still-running' } });
    expect(v.refusal?.next).toContain('take it off the power');
    expect(v.risks).toEqual([]);
  });
});

describe('the old host answers', () => {
  const asked = { old: answering, onlookers: [boreas(true)] };

  test.each(['running', 'paused', 'shutting-down'] as const)('%s there: switch over instead', (vm) => {
    const v = verdict({ ...asked, oldWord: word({ vm }) });
    expect(v).toMatchObject({ result: 'running', refusal: { kind: 'still-running' } });
    expect(v.refusal?.next).toContain('Switch over');
  });

  test.each(['stopped', 'crashed', null] as const)('%s there: proven, no name to type', (vm) => {
    const v = verdict({ ...asked, oldWord: word({ vm }) });
    expect(v).toMatchObject({ result: 'proven', typedName: null, refusal: null, risks: [] });
    expect(v.loss).toMatch(/^Nothing: every write/);
  });

  test('without its hypervisor it cannot know', () => {
    const v = verdict({ ...asked, oldWord: word({ vm: null, hypervisorReachable: false }) });
    expect(v.result).toBe('unproven');
  });

  test('a state it does not know proves nothing', () => {
    expect(verdict({ ...asked, oldWord: word({ vm: 'unknown' }) }).result).toBe('unproven');
  });
});

test('a host this console has only begun to connect to is waited for', () => {
  const v = verdict({ old: { name: 'atlas', reach: 'trying', silentSince: null } });
  expect(v).toMatchObject({ result: 'unproven', refusal: { kind: 'still-connecting' } });
});

describe('the copy', () => {
  const replica = (state: PairRecord['replica']['state']) =>
    verdict({ record: { ...record, replica: { ...record.replica, state } } });

  test('in sync when last heard: the loss is named with its condition', () => {
    const v = verdict();
    expect(v.replica.text).toMatch(/^in sync when last heard, /);
    expect(v.loss).toContain('Only if atlas lost its link to boreas first');
  });

  test('stale: usable, and everything after its end is lost', () => {
    const v = replica('stale');
    expect(v).toMatchObject({ refusal: null, replica: { usable: true } });
    expect(v.loss).toMatch(/^Everything web wrote after .* is missing/);
  });

  test.each(['catching-up', 'none'] as const)('%s: cannot be started', (state) => {
    expect(replica(state)).toMatchObject({
      refusal: { kind: 'replica-unusable' },
      replica: { usable: false },
    });
  });

  test('catching-up, with a whole state kept: that is started, and what is lost is said', () => {
    const replicaNow = { ...record.replica, state: 'catching-up' as const };
    const v = verdict({ record: { ...record, replica: replicaNow }, point: { wholeUntil: NOW - 600_000 } });
    expect(v).toMatchObject({ refusal: null, typedName: 'web', replica: { usable: true } });
    expect(v.loss).toMatch(/^Everything web wrote after .*: the copy on boreas was being brought up to date/);
    expect(v.steps.some((step) => step.startsWith('boreas puts the copy back to its state of'))).toBe(true);
    expect(verdict({ record: null, point: { wholeUntil: null } }).refusal?.kind).toBe('replica-unusable');
  });

  test('what the old host told this console last counts, although the standby never heard it', () => {
    const newest = (state: PairRecord['replica']['state']) => ({
      ...record,
      version: 4,
      replica: { ...record.replica, state, point: NOW - 30_000 },
    });
    const v = verdict({ newest: newest('stale') });
    expect(v).toMatchObject({ refusal: null, replica: { usable: true } });
    expect(v.loss).toMatch(/^Everything web wrote after .* is missing/);
    expect(verdict({ newest: newest('catching-up') }).refusal?.kind).toBe('replica-unusable');
  });

  test('a standby without a record has no copy', () => {
    expect(verdict({ record: null }).refusal?.kind).toBe('replica-unusable');
  });

  test('a standby that does not answer cannot start anything', () => {
    const standby = { name: 'boreas', reach: 'silent', silentSince: NOW } as const;
    expect(verdict({ standby }).refusal?.kind).toBe('standby-offline');
  });
});

describe('an armed pair, whose machine runs only under a lease', () => {
  const lapsed = { heldMs: null, voters: votersHeard(9_000) };
  const armed = (change: Partial<LeaseView>, record: Partial<PairRecord> = {}) =>
    verdict({
      standbyWord: { record: { ...armedRecord, ...record }, lease: armedLease('standby', change) },
    });

  function votersHeard(ownerMsAgo: number | null): LeaseView['voters'] {
    return armedLease('standby').voters.map((voter) =>
      voter.hostId === 'h-atlas' ? { ...voter, heardMsAgo: ownerMsAgo, current: false } : voter,
    );
  }

  test('the lease has run out, a majority says so: proven, two clicks, and the votes are asked again', () => {
    const v = armed(lapsed);
    expect(v).toMatchObject({ result: 'proven', typedName: null, refusal: null, risks: [] });
    expect(v.evidence[0]).toMatchObject({ source: 'lease at boreas', says: 'stopped' });
    expect(v.evidence[0]?.text).toContain('boreas and pi');
    expect(v.steps[0]).toContain('without a majority nothing starts');
    expect(v.loss).toMatch(/^Nothing/);
  });

  test.each([
    ['the vote is still given away', { ...lapsed, heldMs: 1_200 }],
    ['the record is not known by a majority', { ...lapsed, known: false }],
    ['the owner was heard within the hold', { ...lapsed, voters: votersHeard(2_000) }],
  ])('%s: not proven', (_, change) => {
    expect(armed(change)).toMatchObject({ result: 'unproven', typedName: 'web' });
  });

  test('an unarmed pair has no lease that could run out', () => {
    expect(armed(lapsed, { armed: false }).result).toBe('unproven');
  });

  test('whoever hears the old host overrules it', () => {
    const v = verdict({
      standbyWord: { record: armedRecord, lease: armedLease('standby', lapsed) },
      onlookers: [boreas(false), witness(true)],
    });
    expect(v.result).toBe('running');
  });

  test('a frozen machine may go on: its host alone proves nothing, its lease does', () => {
    const old = { old: answering, oldWord: word({ frozen: true }) };
    expect(verdict(old).result).toBe('unproven');
    const standbyWord = { record: armedRecord, lease: armedLease('standby', lapsed) };
    expect(verdict({ ...old, standbyWord })).toMatchObject({ result: 'proven', refusal: null });
  });
});

test('a verdict gets worse from proven over unproven to running, never by staying', () => {
  expect(isWorse('unproven', 'proven')).toBe(true);
  expect(isWorse('running', 'unproven')).toBe(true);
  expect(isWorse('proven', 'unproven')).toBe(false);
  expect(isWorse('unproven', 'unproven')).toBe(false);
});

describe('a copy that ended uncleanly while it acknowledged from memory', () => {
  test('is started only by a person who types its name, proven or not, and is told what that risks', () => {
    const stopped = verdict({ oldWord: word({ vm: 'stopped' }), unclean: true });
    expect(stopped).toMatchObject({ result: 'proven', typedName: 'web', refusal: null });
    expect(stopped.risks).toEqual([expect.stringContaining('writes of web may be missing')]);
    expect(stopped.loss).toMatch(/may be missing/);
    expect(stopped.replica.text).toMatch(/ended uncleanly/);
    expect(verdict({ unclean: true }).risks.length).toBeGreaterThan(1);
  });
});

describe('what this failover would cost', () => {
  const stale: PairRecord = {
    ...record,
    replica: { ...record.replica, state: 'stale', since: NOW - 300_000 },
  };
  const atRisk = {
    ...({ kind: 'since', wholeUntil: NOW - 300_000, stillSince: null } as const),
    ...{ bytes: 34 * 2 ** 20, at: NOW - 60_000 },
  };

  test('is told in seconds and bytes, as far as the old host was heard', () => {
    const { loss } = verdict({ record: stale, atRisk });
    expect(loss).toContain('That is at least 4 min of writes. When last told that was 34 MiB.');
    expect(verdict({ record: stale, atRisk: null }).loss).not.toContain('That is');
  });

  test('is told the same way of a copy that is kept by points', () => {
    const replica = { mode: 'async', state: 'stale', point: null, since: NOW - 900_000 } as const;
    const points = [{ id: 'a', at: NOW - 100_000, quiesced: true, bytes: 1 }];
    const since = { ...atRisk, wholeUntil: NOW - 100_000 };
    const { loss } = verdict({ record: { ...record, replica }, points, atRisk: since });
    expect(loss).toMatch(/is given up\..+ That is at least 40 s of writes\.$/);
  });

  test('comes with a warning while a copy that was found to differ is being repaired', () => {
    const found = verdict({ distrusted: { at: NOW - 5_000, bytes: 128 * 1024 } });
    expect(found.warnings).toHaveLength(1);
    expect(found.warnings[0]).toMatch(/differs in 128 KiB\. It is being repaired/);
    expect(verdict().warnings).toEqual([]);
  });
});
