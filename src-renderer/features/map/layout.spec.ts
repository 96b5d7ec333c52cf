import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fleet, host, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import { fitLanes, SIZES } from './lanes.ts';
import { layoutMap, type MachineRow, type MapLayout, unprotected, wideLanes } from './layout.ts';
import { stableRows } from './stable.ts';

const names = (layout: MapLayout): string[] => layout.lanes.map((lane) => lane.host.name);
const keys = (layout: MapLayout): string[] => layout.rows.map((row) => row.key);
const machineRows = (layout: MapLayout): MachineRow[] => layout.rows.filter((row) => row.kind === 'machines');
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
    expect(machineRows(layout)[0]?.seats.map(({ kind, lane }) => [kind, lane])).toEqual([
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
    expect(machineRows(layout).map((row) => row.seats.map((seat) => seat.lane))).toEqual([[0, 1], [0]]);
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
        const alone = machineRows(layout).every(
          ({ seats }) => new Set(seats.map((s) => s.lane)).size === seats.length,
        );
        return alone && layout.rows.length + layout.hiddenPairs === pairs.length;
      }),
    );
  });
});

describe('more hosts than can have a lane', () => {
  const names9 = Array.from({ length: 40 }, (_, index) => `h${index + 1}`);
  const ring = fleet(
    names9.map((name, index) => host(name, { site: index < 25 ? 'north' : 'south' })),
    names9.map((name) => vm(name, `vm-${name}`)),
    names9.map((name, index) => pair(`vm-${name}`, name, names9[(index + 1) % 40] ?? 'h1')),
  );

  it('stand in the wings: what is paired with them keeps its line', () => {
    expect(fitLanes(1232, 9, SIZES.near)).toEqual({ wide: 2, wings: false });
    expect(fitLanes(1232, 100, SIZES.near)).toEqual({ wide: 3, wings: true });
    expect(fitLanes(1232, 100, SIZES.far).wide).toBeGreaterThan(6);
    const layout = layoutMap(ring, { wide: 3, wings: true, focus: 'h10' });
    expect(names(layout)).toEqual(['h9', 'h10', 'h11']);
    expect(layout.wings).toEqual({ hosts: 37, runs: 37, standbys: 37 });
    const seats = machineRows(layout).map((row) => row.seats.map((seat) => `${seat.lane}:${seat.hostId}`));
    expect(seats).toEqual([
      ['0:h9', '1:h10'],
      ['1:h10', '2:h11'],
      ['2:h11', '3:h12'],
      ['0:h9', '3:h8'],
    ]);
    expect(layout.hiddenPairs).toBe(36);
  });

  it('those that hold what is looked for come forward', () => {
    const wanted = { pair: ({ name }: { name: string }) => name === 'vm-h30', vm: () => false };
    const layout = layoutMap(ring, { wide: 2, wings: true, focus: null, shows: wanted });
    expect(names(layout)).toEqual(['h30', 'h31']);
    expect(keys(layout)).toEqual(['pair-vm-h30']);
  });

  it('folds groups that are not on stage into counts, and leaves nothing out', () => {
    const layout = layoutMap(ring, { wide: 3, wings: true, focus: 'h10', group: 'host' });
    const heads = layout.rows.filter((row) => row.kind === 'head');
    expect(heads).toHaveLength(40);
    expect(heads.filter(({ folded }) => !folded).map(({ name }) => name)).toEqual(['h9', 'h10', 'h11']);
    const counted = layout.rows
      .filter((row) => row.kind === 'counts')
      .flatMap((row) => row.seats)
      .reduce((sum, seat) => sum + seat.runs, 0);
    expect(counted + machineRows(layout).length).toBe(40);
  });

  it('folds by site, and open and folded change places when asked', () => {
    const sites = layoutMap(ring, { wide: 3, wings: true, focus: 'h10', group: 'site' });
    const look = (layout: MapLayout) =>
      layout.rows.flatMap((row) =>
        row.kind === 'head' ? [`${row.name} ${row.machines} ${row.folded}`] : [],
      );
    expect(look(sites)).toEqual(['north 25 false', 'south 15 true']);
    const toggled = new Set(['site-north']);
    const other = layoutMap(ring, { wide: 3, wings: true, focus: 'h10', group: 'site', toggled });
    expect(look(other)).toEqual(['north 25 true', 'south 15 true']);
    expect(machineRows(other)).toEqual([]);
  });

  it('keeps the very rows that did not change, and no others', () => {
    const before = layoutMap(ring, { wide: 3, wings: true, focus: 'h10' }).rows;
    const changed = { ...ring.pairs['pair-vm-h10'], health: 'held' };
    const next = { ...ring, pairs: { ...ring.pairs, 'pair-vm-h10': changed } } as typeof ring;
    const after = stableRows(before, layoutMap(next, { wide: 3, wings: true, focus: 'h10' }).rows);
    expect(after.filter((row, index) => row !== before[index]).map(({ key }) => key)).toEqual([
      'pair-vm-h10',
    ]);
  });
});
