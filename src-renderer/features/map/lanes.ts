import type { FleetSnapshot, HostView, PairView } from '../../../src-main/contract/index.ts';
import type { Tally } from './fleet-index.ts';

/** One host's lane. Narrow lanes are folded to icons and counts. */
export interface Lane extends Omit<Tally, 'troubled'> {
  host: HostView;
  narrow: boolean;
}

/** The hosts for which there is no lane, as one: behind the scenes, and still at the end of a line. */
export interface Wings extends Omit<Tally, 'troubled' | 'votes'> {
  hosts: number;
}

/** How close the picture is looked at. */
export type Zoom = 'near' | 'middle' | 'far';

export interface Sizes {
  /** Least width of a lane, of the gutter between two, and of the wings, px. */
  lane: number;
  gutter: number;
  wings: number;
  /** From one row to the next, and of the chip in it, rem. */
  pitch: number;
  chip: number;
}

export const SIZES: Record<Zoom, Sizes> = {
  near: { lane: 272, gutter: 48, wings: 184, pitch: 3, chip: 2.5 },
  middle: { lane: 196, gutter: 36, wings: 156, pitch: 2.25, chip: 1.875 },
  far: { lane: 124, gutter: 22, wings: 116, pitch: 1.625, chip: 1.375 },
};
export const NARROW_LANE = 60;
export const NARROW_GUTTER = 12;
/** With so few hosts each keeps a lane, however narrow. */
const FEW = 3;

/** How many lanes can have their full width when the rest of `hosts` fold. */
export function wideLanes(width: number, hosts: number, { lane, gutter }: Sizes = SIZES.near): number {
  const all = hosts * lane + (hosts - 1) * gutter;
  if (all <= width) return hosts;
  const each = lane + gutter - NARROW_LANE - NARROW_GUTTER;
  const left = width + gutter - hosts * (NARROW_LANE + NARROW_GUTTER);
  return Math.min(hosts, Math.max(1, Math.floor(left / each)));
}

/** Lanes of full width, and whether the others have narrow ones or stand together in the wings. */
export function fitLanes(width: number, hosts: number, sizes: Sizes): { wide: number; wings: boolean } {
  const wide = wideLanes(width, hosts, sizes);
  if (wide === hosts || wide >= 2 || hosts <= FEW) return { wide, wings: false };
  const left = width - sizes.wings;
  return { wide: Math.max(1, Math.floor(left / (sizes.lane + sizes.gutter))), wings: true };
}

export interface LaneWish {
  wide: number;
  wings: boolean;
  /** Host to bring to the front with its partners when not all fit. */
  focus: string | null;
  /** Only these pairs are looked for: their hosts come forward. */
  sought: readonly PairView[] | null;
}

export function makeLanes(
  hosts: readonly HostView[],
  fleet: FleetSnapshot,
  counts: ReadonlyMap<string, Tally>,
  wish: LaneWish,
): { lanes: Lane[]; wings: Wings | null } {
  const lane = (host: HostView, narrow: boolean): Lane => {
    const { runs, standbys, votes } = counts.get(host.id) ?? { runs: 0, standbys: 0, votes: 0 };
    return { host, narrow, runs, standbys, votes };
  };
  if (hosts.length <= wish.wide) return { lanes: hosts.map((host) => lane(host, false)), wings: null };
  const front = frontHosts(hosts, fleet, wish);
  const wide = hosts.filter((host) => front.has(host.id)).map((host) => lane(host, false));
  const rest = hosts.filter((host) => !front.has(host.id)).map((host) => lane(host, true));
  if (!wish.wings) return { lanes: [...wide, ...rest], wings: null };
  const sum = (pick: 'runs' | 'standbys'): number => rest.reduce((total, each) => total + each[pick], 0);
  return { lanes: wide, wings: { hosts: rest.length, runs: sum('runs'), standbys: sum('standbys') } };
}

/** The chosen host, its partners (most in common first), then whoever comes next in order. */
function frontHosts(hosts: readonly HostView[], fleet: FleetSnapshot, wish: LaneWish): Set<string> {
  const chosen = hosts.find((host) => host.id === wish.focus);
  const pairs = wish.sought ?? Object.values(fleet.pairs);
  const first = wish.sought ? busiest(pairs, hosts, chosen) : (chosen ?? hosts[0]);
  const front = new Set<string>(first ? [first.id] : []);
  const known = new Set(hosts.map((host) => host.id));
  for (const id of [...partnersOf(pairs, first?.id ?? ''), ...hosts.map((host) => host.id)]) {
    if (front.size >= wish.wide) break;
    if (known.has(id)) front.add(id);
  }
  return front;
}

/** Where most of what is looked for runs; the chosen host while it has any of it. */
function busiest(
  pairs: readonly PairView[],
  hosts: readonly HostView[],
  chosen: HostView | undefined,
): HostView | undefined {
  const has = (id: string): boolean => pairs.some((pair) => pair.primary === id || pair.standby === id);
  if (chosen && has(chosen.id)) return chosen;
  const on = new Map<string, number>();
  for (const { primary } of pairs) on.set(primary, (on.get(primary) ?? 0) + 1);
  const [most] = [...on].sort((a, b) => b[1] - a[1]);
  return hosts.find((host) => host.id === most?.[0]) ?? hosts[0];
}

function partnersOf(pairs: readonly PairView[], hostId: string): string[] {
  const shared = new Map<string, number>();
  for (const { primary, standby } of pairs) {
    const partner = primary === hostId ? standby : standby === hostId ? primary : null;
    if (partner !== null) shared.set(partner, (shared.get(partner) ?? 0) + 1);
  }
  return [...shared].sort((a, b) => b[1] - a[1]).map(([id]) => id);
}
