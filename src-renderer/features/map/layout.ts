import type { FleetSnapshot, HostView, PairView, VmView } from '../../../src-main/contract/index.ts';

/** One host's lane. Narrow lanes are folded to icons and counts. */
export interface Lane {
  host: HostView;
  narrow: boolean;
  runs: number;
  standbys: number;
  /** Pairs for which it gives the third vote. */
  votes: number;
}

export type Seat =
  /** The pair's machine belongs here: it runs here, or did when last heard. */
  | { kind: 'primary'; lane: number; vm: VmView | null }
  | { kind: 'standby'; lane: number }
  /** A machine without a standby. */
  | { kind: 'alone'; lane: number; vm: VmView };

export interface Row {
  key: string;
  pair: PairView | null;
  seats: Seat[];
}

export interface MapLayout {
  lanes: Lane[];
  rows: Row[];
  witnesses: HostView[];
  /** Pairs whose both hosts are folded; they have no row. */
  hiddenPairs: number;
}

export interface LayoutOptions {
  /** How many lanes fit at full width. */
  wide: number;
  /** Host to bring to the front with its partners when not all fit. */
  focus: string | null;
}

/** Sizes of the picture, px. */
export const LANE_MIN = 272;
export const GUTTER = 48;
export const NARROW_LANE = 60;
export const NARROW_GUTTER = 12;

/** How many lanes can have their full width when the rest of `hosts` fold. */
export function wideLanes(width: number, hosts: number): number {
  const all = hosts * LANE_MIN + (hosts - 1) * GUTTER;
  if (all <= width) return hosts;
  const each = LANE_MIN + GUTTER - NARROW_LANE - NARROW_GUTTER;
  const left = width + GUTTER - hosts * (NARROW_LANE + NARROW_GUTTER);
  return Math.min(hosts, Math.max(1, Math.floor(left / each)));
}

/**
 * Puts the fleet into lanes: hosts are columns, a pair is one row across them. Rows are ordered by the host a
 * machine was protected on (the spec's first member) and never by where it runs now, so a failover moves
 * nothing on the picture but the chip. A row's link is straight, so no two links can cross.
 */
export function layoutMap(fleet: FleetSnapshot, options: LayoutOptions): MapLayout {
  const hosts = inOrder(Object.values(fleet.hosts));
  const pairs = Object.values(fleet.pairs);
  const lanes = makeLanes(
    hosts.filter((host) => host.role === 'hypervisor'),
    fleet,
    options,
  );
  const laneOf = new Map(lanes.map((lane, index) => [lane.host.id, index]));
  const shown = pairs.filter((pair) => isShown(pair, lanes, laneOf));
  return {
    lanes,
    rows: [...pairRows(shown, fleet, laneOf), ...aloneRows(fleet, lanes, laneOf)],
    witnesses: hosts.filter((host) => host.role === 'witness'),
    hiddenPairs: pairs.length - shown.length,
  };
}

/** Names the place of a machine on a host, whichever side of a pair it is. */
export const seatKey = (hostId: string, vmUuid: string): string => `${hostId}/${vmUuid}`;

/** Pairs by the two places each of them takes. */
export function pairsBySeat(fleet: FleetSnapshot): Map<string, PairView> {
  const seats = new Map<string, PairView>();
  for (const pair of Object.values(fleet.pairs)) {
    const uuid = workloadUuid(pair);
    if (uuid === null) continue;
    seats.set(seatKey(pair.primary, uuid), pair);
    seats.set(seatKey(pair.standby, uuid), pair);
  }
  return seats;
}

/** Machines without a standby, in the order of the picture. */
export function unprotected(fleet: FleetSnapshot): VmView[] {
  const taken = pairsBySeat(fleet);
  return Object.values(fleet.vms)
    .filter((view) => !taken.has(seatKey(view.hostId, view.vm.uuid)))
    .sort((a, b) => compareText(a.vm.name, b.vm.name));
}

export function workloadUuid(pair: PairView): string | null {
  return specOf(pair)?.workload.uuid ?? null;
}

function specOf(pair: PairView) {
  const members = pair.members[pair.primary] ?? Object.values(pair.members)[0];
  return members?.status.spec ?? null;
}

function makeLanes(hosts: HostView[], fleet: FleetSnapshot, { wide, focus }: LayoutOptions): Lane[] {
  const pairs = Object.values(fleet.pairs);
  const lane = (host: HostView, narrow: boolean): Lane => ({
    host,
    narrow,
    runs: countRunning(fleet, host.id),
    standbys: pairs.filter((pair) => pair.standby === host.id && pair.health !== 'quarantined').length,
    votes: votesOf(fleet, host.id).length,
  });
  if (hosts.length <= wide) return hosts.map((host) => lane(host, false));
  const front = frontHosts(hosts, pairs, wide, focus);
  return [
    ...hosts.filter((host) => front.has(host.id)).map((host) => lane(host, false)),
    ...hosts.filter((host) => !front.has(host.id)).map((host) => lane(host, true)),
  ];
}

/** Pairs for which the box with this id gives the third vote. */
export function votesOf(fleet: FleetSnapshot, hostId: string): PairView[] {
  return Object.values(fleet.pairs).filter((pair) => pair.automation.witness?.hostId === hostId);
}

/** The chosen host, its partners, then whoever comes next in order. */
function frontHosts(hosts: HostView[], pairs: PairView[], wide: number, focus: string | null): Set<string> {
  const chosen = hosts.find((host) => host.id === focus) ?? hosts[0];
  const front = new Set<string>(chosen ? [chosen.id] : []);
  const partners = pairs.flatMap((pair) => partnerOf(pair, chosen?.id ?? ''));
  for (const id of [...partners, ...hosts.map((host) => host.id)]) {
    if (front.size >= wide) break;
    front.add(id);
  }
  return front;
}

function partnerOf(pair: PairView, hostId: string): string[] {
  if (pair.primary === hostId) return [pair.standby];
  return pair.standby === hostId ? [pair.primary] : [];
}

function countRunning(fleet: FleetSnapshot, hostId: string): number {
  return Object.values(fleet.vms).filter((view) => view.hostId === hostId && view.vm.state === 'running')
    .length;
}

function isShown(pair: PairView, lanes: Lane[], laneOf: Map<string, number>): boolean {
  return [pair.primary, pair.standby].some((id) => {
    const index = laneOf.get(id);
    return index !== undefined && lanes[index]?.narrow === false;
  });
}

function pairRows(pairs: PairView[], fleet: FleetSnapshot, laneOf: Map<string, number>): Row[] {
  const machines = new Map(
    Object.values(fleet.vms).map((view) => [seatKey(view.hostId, view.vm.uuid), view]),
  );
  const home = (pair: PairView): number => laneOf.get(specOf(pair)?.members[0] ?? pair.primary) ?? 99;
  return [...pairs]
    .sort((a, b) => home(a) - home(b) || compareText(a.name, b.name) || compareText(a.id, b.id))
    .map((pair) => ({ key: pair.id, pair, seats: seatsOf(pair, machines, laneOf) }));
}

function seatsOf(pair: PairView, machines: Map<string, VmView>, laneOf: Map<string, number>): Seat[] {
  const seats: Seat[] = [];
  const primary = laneOf.get(pair.primary);
  const standby = laneOf.get(pair.standby);
  const uuid = workloadUuid(pair);
  const vm = uuid === null ? null : (machines.get(seatKey(pair.primary, uuid)) ?? null);
  if (primary !== undefined) seats.push({ kind: 'primary', lane: primary, vm });
  if (standby !== undefined) seats.push({ kind: 'standby', lane: standby });
  return seats.sort((a, b) => a.lane - b.lane);
}

/** Machines without a standby share rows: they have no link that could cross anything. */
function aloneRows(fleet: FleetSnapshot, lanes: Lane[], laneOf: Map<string, number>): Row[] {
  const depth = lanes.map(() => 0);
  const rows: Row[] = [];
  for (const vm of unprotected(fleet)) {
    const lane = laneOf.get(vm.hostId);
    if (lane === undefined || lanes[lane]?.narrow) continue;
    const level = depth[lane] ?? 0;
    depth[lane] = level + 1;
    let row = rows[level];
    if (row === undefined) {
      row = { key: `alone-${level}`, pair: null, seats: [] };
      rows.push(row);
    }
    row.seats.push({ kind: 'alone', lane, vm });
  }
  for (const row of rows) row.seats.sort((a, b) => a.lane - b.lane);
  return rows;
}

/** The largest site first, then by name: an order that only adding or removing hosts can change. */
function inOrder(hosts: HostView[]): HostView[] {
  const size = (site: string): number => hosts.filter((host) => host.site === site).length;
  return [...hosts].sort(
    (a, b) =>
      size(b.site) - size(a.site) ||
      compareText(a.site, b.site) ||
      compareText(a.name, b.name) ||
      compareText(a.id, b.id),
  );
}

function compareText(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
