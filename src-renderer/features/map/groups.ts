import type { FleetSnapshot, HostView, PairView } from '../../../src-main/contract/index.ts';
import { compareText } from '../../lib/collate.ts';
import { m } from '../../lib/messages.ts';
import { homeOf, isTroubled } from './fleet-index.ts';
import type { Lane } from './lanes.ts';
import type { CountRow, CountSeat, MachineRow, Row, StagePlan } from './rows.ts';

export type GroupBy = 'none' | 'host' | 'site';

interface Given {
  /** Rows of pairs that have a host of full width, and of machines without a standby. */
  rows: readonly MachineRow[];
  alone: readonly MachineRow[];
  /** All pairs, those without a row too. */
  pairs: readonly PairView[];
  hosts: readonly HostView[];
  lanes: readonly Lane[];
  fleet: FleetSnapshot;
  toggled: ReadonlySet<string>;
}

interface Group {
  key: string;
  name: string;
  hostId: string | null;
  pairs: PairView[];
  rows: MachineRow[];
}

/**
 * The rows under heads, by the host or the site where machines were protected. A group whose hosts are not on stage is
 * folded into counts by itself, and whatever of an open one has no row is counted below it: nothing is left out.
 */
export function grouped(given: Given, by: GroupBy, stage: StagePlan): Row[] {
  const groups = groupsOf(given, by);
  const rows = groups.flatMap((group) => rowsOf(group, given, stage));
  if (given.alone.length === 0) return rows;
  const machines = given.alone.reduce((sum, row) => sum + row.seats.length, 0);
  const key = 'group-alone';
  const folded = given.toggled.has(key);
  const counts = folded ? [countAlone(given.alone)] : given.alone;
  const head = { kind: 'head', key, name: m.map.unprotected, hostId: null, machines, troubled: 0 } as const;
  return [...rows, { ...head, folded }, ...counts];
}

function groupsOf({ pairs, rows, hosts, fleet }: Given, by: GroupBy): Group[] {
  const order = new Map(hosts.map((host, index) => [host.id, index]));
  const found = new Map<string, Group & { at: number }>();
  for (const pair of pairs) {
    const home = homeOf(pair);
    const host = fleet.hosts[home];
    const name = by === 'site' ? (host?.site ?? home) : (host?.name ?? home);
    const key = by === 'site' ? `site-${name}` : `host-${home}`;
    const group = found.get(key) ?? {
      ...{ key, name, hostId: by === 'host' ? home : null, pairs: [], rows: [] },
      at: order.get(home) ?? hosts.length,
    };
    group.at = Math.min(group.at, order.get(home) ?? hosts.length);
    group.pairs.push(pair);
    found.set(key, group);
  }
  const groups = [...found.values()].sort((a, b) => a.at - b.at || compareText(a.name, b.name));
  for (const group of groups) {
    // In the order the rows were given, which is that of the picture.
    const mine = new Set(group.pairs.map((pair) => pair.id));
    group.rows = rows.filter((row) => mine.has(row.key));
  }
  return groups;
}

function rowsOf(group: Group, { toggled, lanes }: Given, stage: StagePlan): Row[] {
  const onStage =
    group.hostId === null ? group.rows.length > 0 : stage.isFull(group.hostId) || lanes.length === 0;
  const folded = onStage === toggled.has(group.key);
  const troubled = group.pairs.filter(isTroubled).length;
  const head: Row = {
    ...{ kind: 'head', key: group.key, name: group.name, hostId: group.hostId },
    ...{ machines: group.pairs.length, troubled, folded },
  };
  if (folded) return [head, countPairs(group.key, group.pairs, stage)];
  const shown = new Set(group.rows.map((row) => row.key));
  const hidden = group.pairs.filter((pair) => !shown.has(pair.id));
  return [head, ...group.rows, ...(hidden.length > 0 ? [countPairs(group.key, hidden, stage)] : [])];
}

function countPairs(key: string, pairs: readonly PairView[], stage: StagePlan): CountRow {
  const seats = new Map<number, CountSeat>();
  const at = (hostId: string): CountSeat => {
    const lane = stage.laneOf(hostId);
    const seat = seats.get(lane) ?? { lane, runs: 0, standbys: 0, troubled: 0 };
    seats.set(lane, seat);
    return seat;
  };
  for (const pair of pairs) {
    at(pair.primary).runs += 1;
    const standby = at(pair.standby);
    standby.standbys += 1;
    if (isTroubled(pair)) standby.troubled += 1;
  }
  return { kind: 'counts', key: `counts-${key}`, seats: [...seats.values()].sort((a, b) => a.lane - b.lane) };
}

function countAlone(rows: readonly MachineRow[]): CountRow {
  const seats = new Map<number, CountSeat>();
  for (const { lane } of rows.flatMap((row) => row.seats)) {
    const seat = seats.get(lane) ?? { lane, runs: 0, standbys: 0, troubled: 0 };
    seat.runs += 1;
    seats.set(lane, seat);
  }
  return { kind: 'counts', key: 'counts-alone', seats: [...seats.values()].sort((a, b) => a.lane - b.lane) };
}
