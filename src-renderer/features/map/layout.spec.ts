import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fleet, host, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import { layoutMap, type MapLayout, unprotected, wideLanes } from './layout.ts';

const names = (layout: MapLayout): string[] => layout.lanes.map((lane) => lane.host.name);
const keys = (layout: MapLayout): string[] => layout.rows.map((row) => row.key);
const all = { wide: 99, focus: null };

describe('lanes', () => {
  it('stand by the size of their site, then by name, whatever the order they came in', () => {
    const hosts = [host('cora', { site: 'Branch' }), host('boreas'), host('atlas')];
    expect(names(layoutMap(fleet(hosts), all))).toEqual(['atlas', 'boreas', 'cora']);
    expect(names(layoutMap(fleet([...hosts].reverse()), all))).toEqual(['atlas', 'boreas', 'cora']);
  });

  it('count what runs and what stands by', () => {
    const machines = [vm('atlas', 'mail'), vm('atlas', 'old', 'stopped')];
    const layout = layoutMap(
      fleet([host('atlas'), host('boreas')], machines, [pair('mail', 'atlas', 'boreas')]),
      all,
    );
    expect(layout.lanes.map(({ runs, standbys }) => [runs, standbys])).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it('leave witnesses out of the picture and name them apart', () => {
    const layout = layoutMap(fleet([host('atlas'), host('pi', { role: 'witness' })]), all);
    expect(names(layout)).toEqual(['atlas']);
    expect(layout.witnesses.map((each) => each.name)).toEqual(['pi']);
  });

  it('fold when there are too many: the chosen one and its partners stay', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e'].map((name) => host(name));
    const pairs = [pair('x', 'e', 'c'), pair('y', 'a', 'b')];
    const layout = layoutMap(fleet(hosts, [vm('e', 'x'), vm('a', 'y')], pairs), { wide: 2, focus: 'e' });
    expect(layout.lanes.filter((lane) => !lane.narrow).map((lane) => lane.host.name)).toEqual(['c', 'e']);
    expect(keys(layout)).toEqual(['pair-x']);
    expect(layout.hiddenPairs).toBe(1);
  });

  it('take what fits: all, or as many as leave room for the folded ones', () => {
    expect(wideLanes(1232, 3)).toBe(3);
    expect(wideLanes(592, 2)).toBe(2);
    expect(wideLanes(591, 2)).toBe(1);
    expect(wideLanes(300, 9)).toBe(1);
    fc.assert(
      fc.property(fc.integer({ min: 320, max: 4000 }), fc.integer({ min: 1, max: 40 }), (width, hosts) => {
        const wide = wideLanes(width, hosts);
        return wide >= 1 && wide <= hosts;
      }),
    );
  });
});

describe('rows', () => {
  const hosts = [host('atlas'), host('boreas'), host('cora')];

  it('keep their order when a failover turns a pair round', () => {
    const before = fleet(hosts, [], [pair('mail', 'atlas', 'boreas'), pair('db', 'atlas', 'cora')]);
    const after = fleet(
      hosts,
      [],
      [pair('mail', 'boreas', 'atlas', 'standby-lost', { home: 'atlas' }), pair('db', 'atlas', 'cora')],
    );
    expect(keys(layoutMap(before, all))).toEqual(['pair-db', 'pair-mail']);
    expect(keys(layoutMap(after, all))).toEqual(keys(layoutMap(before, all)));
  });

  it('seat the machine and its standby in their hosts’ lanes', () => {
    const layout = layoutMap(fleet(hosts, [vm('cora', 'db')], [pair('db', 'cora', 'atlas')]), all);
    expect(layout.rows[0]?.seats.map(({ kind, lane }) => [kind, lane])).toEqual([
      ['standby', 0],
      ['primary', 2],
    ]);
  });

  it('do not count a pair’s old copy as a machine of its own', () => {
    const machines = [vm('atlas', 'mail', 'stopped'), vm('boreas', 'mail')];
    const snapshot = fleet(hosts, machines, [pair('mail', 'boreas', 'atlas', 'quarantined')]);
    expect(unprotected(snapshot)).toEqual([]);
    expect(layoutMap(snapshot, all).rows).toHaveLength(1);
  });

  it('are shared by machines without a standby, one seat a lane', () => {
    const machines = [vm('atlas', 'a1'), vm('atlas', 'a2'), vm('boreas', 'b1')];
    const layout = layoutMap(fleet(hosts, machines), all);
    expect(layout.rows.map((row) => row.seats.map((seat) => seat.lane))).toEqual([[0, 1], [0]]);
  });

  it('never hold two seats in one lane, so links cannot cross', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const ends = fc.uniqueArray(fc.constantFrom(...ids), { minLength: 2, maxLength: 2 });
    const fleets = fc
      .array(ends, { maxLength: 12 })
      .map((list) => list.map(([p = 'a', s = 'b'], i) => pair(`m${i}`, p, s)));
    fc.assert(
      fc.property(fleets, fc.integer({ min: 1, max: 4 }), (pairs, wide) => {
        const snapshot = fleet(
          ids.map((id) => host(id)),
          pairs.map((each) => vm(each.primary, each.name)),
          pairs,
        );
        const layout = layoutMap(snapshot, { wide, focus: null });
        const alone = layout.rows.every(
          ({ seats }) => new Set(seats.map((s) => s.lane)).size === seats.length,
        );
        return alone && layout.rows.length + layout.hiddenPairs === pairs.length;
      }),
    );
  });
});
