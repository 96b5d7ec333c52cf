import { describe, expect, it } from 'vitest';
import type { PairRecord } from '../../agent/protocol/index.ts';
import type { PairView } from './index.ts';
import { armed, at, fleet, host, offline, pair, vm } from './testing-fleet.ts';
import { type Outcome, whatIf } from './what-if.ts';

const GIB = 2 ** 30;
const roomy = (id: string, usedGiB = 8) =>
  host(id, { load: { cpu: 0.2, memoryBytes: 64 * GIB, memoryUsedBytes: usedGiB * GIB, at } });
const hosts = [roomy('atlas'), roomy('boreas'), roomy('cora'), host('pi', { role: 'witness' })];
const measure = { source: 'drill', host: 'boreas', until: 'answer', ms: 7_000, at } as const;
const NOTHING = { kind: 'nothing', wholeUntil: null, stillSince: null, bytes: 0, at } as const;

/** A pair whose both members show this record. */
function kept(
  name: string,
  [primary, standby]: [string, string],
  record: Partial<PairRecord> = {},
  over: Partial<PairView> = {},
): PairView {
  const made = pair(name, primary, standby, 'in-sync', {
    automation: armed(primary, standby),
    objectives: {
      targets: { rpoS: null, rtoS: null },
      ...{ atRisk: NOTHING, measure, maxAgeMs: 1 },
    },
    ...over,
  });
  const status = made.members[primary]?.status;
  if (!status) return made;
  const shown = {
    ...status,
    record: { ...status.record, armed: true, voters: [primary, standby, 'pi'], ...record },
  };
  const copy = { ...shown, local: { kind: 'standby', exports: 'open' } as const, mirror: null };
  return {
    ...made,
    members: { [primary]: { status: shown, heardAt: at }, [standby]: { status: copy, heardAt: at } },
  };
}

const stale = { mode: 'sync', state: 'stale', point: at - 60_000, since: at } as const;
const none = { mode: 'sync', state: 'none', point: null, since: at } as const;

function lost(pairs: PairView[], failing: string[], machines = pairs.map((p) => vm(p.primary, p.name))) {
  return whatIf(fleet(hosts, machines, pairs), failing, () => at);
}
const fates = (outcomes: Outcome[]): string[] =>
  outcomes.map(({ name, fate, why, to }) => `${name}: ${fate} (${why})${to ? ` on ${to}` : ''}`);

describe('when the owner’s host fails', () => {
  it('an armed pair comes back by itself, after the votes’ hold and the measured start', () => {
    const { outcomes } = lost([kept('mail', ['atlas', 'boreas'])], ['atlas']);
    expect(fates(outcomes)).toEqual(['mail: by-itself (armed) on boreas']);
    expect(outcomes[0]).toMatchObject({ afterMs: 4_250 + 600 + 7_000, loss: { kind: 'nothing' } });
  });

  it('a takeover that was measured is counted from the failure already', () => {
    const mail = kept('mail', ['atlas', 'boreas']);
    const objectives = mail.objectives && {
      ...mail.objectives,
      measure: { ...measure, source: 'takeover' as const, ms: 9_000 },
    };
    expect(lost([{ ...mail, objectives }], ['atlas']).outcomes[0]?.afterMs).toBe(9_000);
    const never = mail.objectives && { ...mail.objectives, measure: null };
    expect(lost([{ ...mail, objectives: never }], ['atlas']).outcomes[0]).toMatchObject({
      fate: 'by-itself',
      afterMs: null,
    });
  });

  it('follows the agents’ own rules of succession, one by one', () => {
    const why = (record: Partial<PairRecord>, failing = ['atlas']): string =>
      fates(lost([kept('m', ['atlas', 'boreas'], record)], failing).outcomes)[0] ?? '';
    expect(why({ armed: false })).toBe('m: by-hand (unarmed) on boreas');
    expect(why({ begun: false })).toBe('m: by-hand (not-begun) on boreas');
    expect(why({ replica: stale })).toBe('m: by-hand (not-in-sync) on boreas');
    expect(why({ replica: none })).toBe('m: down (no-copy)');
    expect(why({}, ['atlas', 'pi'])).toBe('m: by-hand (no-majority) on boreas');
    expect(why({}, ['atlas', 'boreas'])).toBe('m: down (both-hosts)');
  });

  it('a copy that acknowledged from memory and ended uncleanly is for a person', () => {
    const mail = kept('mail', ['atlas', 'boreas']);
    const copy = mail.members.boreas;
    if (copy) copy.status.local = { kind: 'standby', exports: 'open', unclean: true };
    expect(fates(lost([mail], ['atlas']).outcomes)).toEqual(['mail: by-hand (unclean) on boreas']);
  });

  it('says what would be missing', () => {
    const old = kept('db', ['atlas', 'boreas'], { armed: false, replica: stale });
    const atRisk = { ...NOTHING, kind: 'since', wholeUntil: at - 90_000 } as const;
    const objectives = old.objectives && { ...old.objectives, atRisk };
    expect(lost([{ ...old, objectives }], ['atlas']).outcomes[0]?.loss).toEqual({
      kind: 'seconds',
      seconds: 90,
    });
    expect(lost([{ ...old, objectives: null }], ['atlas']).outcomes[0]?.loss).toEqual({ kind: 'unknown' });
  });

  it('a machine without a standby stays down; one that is stopped is no loss', () => {
    const machines = [vm('atlas', 'print'), vm('atlas', 'old', 'stopped'), vm('boreas', 'far')];
    expect(fates(lost([], ['atlas'], machines).outcomes)).toEqual(['print: down (not-protected)']);
  });
});

describe('when others fail', () => {
  it('an armed machine goes on under two of three votes, without its standby or its automation', () => {
    const mail = kept('mail', ['atlas', 'boreas']);
    expect(fates(lost([mail], ['boreas']).outcomes)).toEqual(['mail: runs (standby-lost)']);
    expect(fates(lost([mail], ['pi']).outcomes)).toEqual(['mail: runs (witness-lost)']);
    expect(lost([mail], ['cora']).outcomes).toEqual([]);
  });

  it('and is frozen when both other votes go at once; an unarmed one is not', () => {
    expect(fates(lost([kept('m', ['atlas', 'boreas'])], ['boreas', 'pi']).outcomes)).toEqual([
      'm: frozen (no-majority)',
    ]);
    const idle = kept('m', ['atlas', 'boreas'], { armed: false });
    expect(fates(lost([idle], ['boreas', 'pi']).outcomes)).toEqual(['m: runs (standby-lost)']);
  });

  it('a host that does not answer now counts as failed too', () => {
    const gone = [roomy('atlas'), host('boreas', { connection: offline }), hosts[3] ?? roomy('pi')];
    const { outcomes, failed } = whatIf(
      fleet(gone, [vm('atlas', 'm')], [kept('m', ['atlas', 'boreas'])]),
      ['atlas'],
      () => at,
    );
    expect(failed.sort()).toEqual(['atlas', 'boreas']);
    expect(fates(outcomes)).toEqual(['m: down (both-hosts)']);
  });
});

describe('memory', () => {
  it('is filled in the order in which machines come: what is decided by hand comes last', () => {
    const big = (name: string) => {
      const view = vm('atlas', name);
      return { ...view, vm: { ...view.vm, memoryBytes: 30 * GIB } };
    };
    const pairs = [kept('aaa', ['atlas', 'boreas'], { armed: false }), kept('mail', ['atlas', 'boreas'])];
    const { outcomes, rooms } = lost(
      pairs,
      ['atlas'],
      pairs.map(({ name }) => big(name)),
    );
    expect(outcomes.map(({ name, fits }) => [name, fits])).toEqual([
      ['aaa', false],
      ['mail', true],
    ]);
    expect(rooms).toEqual([
      {
        ...{ hostId: 'boreas', totalBytes: 64 * GIB, usedBytes: 8 * GIB },
        ...{ comingBytes: 60 * GIB, coming: 2, tooMany: ['aaa'] },
      },
    ]);
  });
});
