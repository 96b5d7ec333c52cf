import type { FleetSnapshot, HostView, PairView, VmView } from '../../../src-main/contract/index.ts';
import { vmKey } from '../../../src-main/contract/keys.ts';
import { compareText } from '../../lib/collate.ts';

/** Who belongs to whom, each found in one pass: a fleet may have thousands of machines and changes many times a second. */

/** Names the place of a machine on a host, whichever side of a pair it is: as the fleet's machines are keyed. */
export const seatKey = vmKey;

export function specOf(pair: PairView) {
  const member = pair.members[pair.primary] ?? Object.values(pair.members)[0];
  return member?.status.spec ?? null;
}

export function workloadUuid(pair: PairView): string | null {
  return specOf(pair)?.workload.uuid ?? null;
}

/** The host a machine was protected on: it never changes with where the machine runs, so a failover moves no row. */
export const homeOf = (pair: PairView): string => specOf(pair)?.members[0] ?? pair.primary;

/** Remembers what was found of a fleet, or of a part of it, for as long as that is not replaced. */
function remembered<K extends object, V>(find: (of: K) => V): (of: K) => V {
  const found = new WeakMap<K, V>();
  return (of) => {
    const known = found.get(of);
    if (known !== undefined) return known;
    const fresh = find(of);
    found.set(of, fresh);
    return fresh;
  };
}

/** The two places a pair takes; none before its machine is known. */
const seatsOfPair = remembered((pair: PairView): readonly string[] => {
  const uuid = workloadUuid(pair);
  return uuid === null ? [] : [seatKey(pair.primary, uuid), seatKey(pair.standby, uuid)];
});

const bySeat = remembered((pairs: FleetSnapshot['pairs']): Map<string, PairView> => {
  const seats = new Map<string, PairView>();
  for (const pair of Object.values(pairs)) for (const seat of seatsOfPair(pair)) seats.set(seat, pair);
  return seats;
});

/** Pairs by the two places each of them takes. */
export const pairsBySeat = (fleet: FleetSnapshot): ReadonlyMap<string, PairView> => bySeat(fleet.pairs);

/** The machine as its pair's primary has it; null: not heard of. */
export function vmOfPair(fleet: FleetSnapshot, pair: PairView): VmView | null {
  const [seat] = seatsOfPair(pair);
  return seat === undefined ? null : (fleet.vms[seat] ?? null);
}

/** Machines without a standby, in the order of the picture. */
export const unprotected = remembered((fleet: FleetSnapshot): VmView[] => {
  const taken = pairsBySeat(fleet);
  return Object.values(fleet.vms)
    .filter((view) => !taken.has(view.key))
    .sort((a, b) => compareText(a.vm.name, b.vm.name));
});

/** Pairs for which the box with this id gives the third vote. */
export function votesOf(fleet: FleetSnapshot, hostId: string): PairView[] {
  return Object.values(fleet.pairs).filter((pair) => pair.automation.witness?.hostId === hostId);
}

export const hypervisorsOf = (fleet: FleetSnapshot): HostView[] =>
  Object.values(fleet.hosts).filter((host) => host.role === 'hypervisor');

/** The largest site first, then by name: an order that only adding or removing hosts can change. */
export function inOrder(hosts: readonly HostView[]): HostView[] {
  const sizes = new Map<string, number>();
  for (const { site } of hosts) sizes.set(site, (sizes.get(site) ?? 0) + 1);
  const size = (site: string): number => sizes.get(site) ?? 0;
  return [...hosts].sort(
    (a, b) =>
      size(b.site) - size(a.site) ||
      compareText(a.site, b.site) ||
      compareText(a.name, b.name) ||
      compareText(a.id, b.id),
  );
}

/** What stands at one host, in numbers. */
export interface Tally {
  runs: number;
  standbys: number;
  votes: number;
  /** Machines of its pairs for which somebody is needed. */
  troubled: number;
}

const TROUBLED: readonly PairView['health'][] = [
  ...(['held', 'not-in-sync', 'behind', 'primary-lost', 'standby-lost', 'unknown', 'stopped'] as const),
  ...(['waiting', 'quarantined', 'stepping-in', 'frozen'] as const),
];
export const isTroubled = (pair: PairView): boolean => TROUBLED.includes(pair.health);

export const tallies = remembered((fleet: FleetSnapshot): ReadonlyMap<string, Tally> => {
  const found = new Map<string, Tally>();
  const at = (hostId: string): Tally => {
    const known = found.get(hostId);
    if (known) return known;
    const fresh = { runs: 0, standbys: 0, votes: 0, troubled: 0 };
    found.set(hostId, fresh);
    return fresh;
  };
  for (const hostId of Object.keys(fleet.hosts)) at(hostId);
  for (const { hostId, vm } of Object.values(fleet.vms)) if (vm.state === 'running') at(hostId).runs += 1;
  for (const pair of Object.values(fleet.pairs)) {
    if (pair.health !== 'quarantined') at(pair.standby).standbys += 1;
    if (pair.automation.witness) at(pair.automation.witness.hostId).votes += 1;
    if (isTroubled(pair)) {
      at(pair.primary).troubled += 1;
      at(pair.standby).troubled += 1;
    }
  }
  return found;
});
