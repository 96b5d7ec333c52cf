import type { FleetSnapshot, HostView, PairView, VmView } from '../../../src-main/contract/index.ts';
import { compareText } from '../../lib/collate.ts';
import { homeOf, inOrder, tallies, unprotected, vmOfPair } from './fleet-index.ts';
import { type GroupBy, grouped } from './groups.ts';
import { type Lane, makeLanes, type Wings } from './lanes.ts';
import type { MachineRow, Row, Seat, StagePlan } from './rows.ts';

export { pairsBySeat, seatKey, unprotected, votesOf, workloadUuid } from './fleet-index.ts';
export { type Lane, NARROW_GUTTER, NARROW_LANE, wideLanes } from './lanes.ts';
export type { CountRow, CountSeat, HeadRow, MachineRow, Row, Seat } from './rows.ts';

export interface MapLayout {
  lanes: Lane[];
  /** Where the hosts without a lane stand together; null: each has one. */
  wings: Wings | null;
  rows: Row[];
  witnesses: HostView[];
  /** Pairs that have no row: both hosts are folded. */
  hiddenPairs: number;
}

export interface LayoutOptions {
  /** How many lanes fit at full width. */
  wide: number;
  /** Left out: the others have narrow lanes. */
  wings?: boolean;
  /** Host to bring to the front with its partners when not all fit. */
  focus: string | null;
  /** Left out: nothing is grouped. */
  group?: GroupBy;
  /** Heads that are not as they would be: folded where they would be open, and the other way round. */
  toggled?: ReadonlySet<string>;
  /** Left out: everything is shown. */
  shows?: { pair(pair: PairView): boolean; vm(view: VmView): boolean };
}

/**
 * Puts the fleet into lanes: hosts are columns, a pair is one row across them. Rows are ordered by the host a
 * machine was protected on (the spec's first member) and never by where it runs now, so a failover moves
 * nothing on the picture but the chip. A row's link is straight, so no two links can cross.
 */
export function layoutMap(fleet: FleetSnapshot, options: LayoutOptions): MapLayout {
  const hosts = inOrder(Object.values(fleet.hosts));
  const { shows } = options;
  const all = Object.values(fleet.pairs);
  const pairs = shows ? all.filter((pair) => shows.pair(pair)) : all;
  const alone = unprotected(fleet).filter((view) => shows?.vm(view) ?? true);
  const { lanes, wings } = makeLanes(
    hosts.filter((host) => host.role === 'hypervisor'),
    fleet,
    tallies(fleet),
    {
      ...{ wide: options.wide, wings: options.wings ?? false, focus: options.focus },
      sought: shows && pairs.length > 0 ? pairs : null,
    },
  );
  const stage = stageOf(lanes);
  const shown = pairs.filter((pair) => stage.isFull(pair.primary) || stage.isFull(pair.standby));
  const rows = pairRows(shown, fleet, stage, hosts);
  const lone = aloneRows(alone, stage);
  const witnesses = hosts.filter((host) => host.role === 'witness');
  const group = options.group ?? 'none';
  if (group === 'none')
    return {
      ...{ lanes, wings, witnesses, rows: [...rows, ...lone] },
      hiddenPairs: pairs.length - shown.length,
    };
  const given = { rows, alone: lone, pairs, hosts, lanes, fleet, toggled: options.toggled ?? new Set() };
  return { lanes, wings, witnesses, rows: grouped(given, group, stage), hiddenPairs: 0 };
}

function stageOf(lanes: readonly Lane[]): StagePlan {
  const index = new Map(lanes.map((lane, at) => [lane.host.id, at]));
  return {
    wings: lanes.length,
    laneOf: (hostId) => index.get(hostId) ?? lanes.length,
    isFull: (hostId) => lanes[index.get(hostId) ?? -1]?.narrow === false,
  };
}

function pairRows(
  pairs: PairView[],
  fleet: FleetSnapshot,
  stage: StagePlan,
  hosts: readonly HostView[],
): MachineRow[] {
  const place = new Map(hosts.map((host, index) => [host.id, index]));
  // By lanes first, so that what stands in front is read first; off stage by the order of all hosts.
  const home = (pair: PairView): number => {
    const id = homeOf(pair);
    const lane = stage.laneOf(id);
    return lane < stage.wings ? lane : stage.wings + (place.get(id) ?? hosts.length);
  };
  return pairs
    .map((pair) => ({ pair, at: home(pair) }))
    .sort((a, b) => a.at - b.at || compareText(a.pair.name, b.pair.name) || compareText(a.pair.id, b.pair.id))
    .map(({ pair }) => ({
      kind: 'machines',
      key: pair.id,
      pair,
      seats: seatsOf(pair, stage, fleet),
    }));
}

function seatsOf(pair: PairView, stage: StagePlan, fleet: FleetSnapshot): Seat[] {
  const seats: Seat[] = [];
  const { primary, standby } = pair;
  const vm = vmOfPair(fleet, pair);
  if (fleet.hosts[primary]) seats.push({ kind: 'primary', lane: stage.laneOf(primary), hostId: primary, vm });
  if (fleet.hosts[standby]) seats.push({ kind: 'standby', lane: stage.laneOf(standby), hostId: standby });
  return seats.sort((a, b) => a.lane - b.lane);
}

/** Machines without a standby share rows: they have no link that could cross anything. */
function aloneRows(alone: readonly VmView[], stage: StagePlan): MachineRow[] {
  const depth = new Map<number, number>();
  const rows: MachineRow[] = [];
  for (const vm of alone) {
    if (!stage.isFull(vm.hostId)) continue;
    const lane = stage.laneOf(vm.hostId);
    const level = depth.get(lane) ?? 0;
    depth.set(lane, level + 1);
    let row = rows[level];
    if (row === undefined) {
      row = { kind: 'machines', key: `alone-${level}`, pair: null, seats: [] };
      rows.push(row);
    }
    row.seats.push({ kind: 'alone', lane, hostId: vm.hostId, vm });
  }
  for (const row of rows) row.seats.sort((a, b) => a.lane - b.lane);
  return rows;
}
