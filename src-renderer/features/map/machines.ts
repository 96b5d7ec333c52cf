import type { VmState } from '../../../agent/protocol/host.ts';
import type { FleetSnapshot, HostView, PairView, VmView } from '../../../src-main/contract/index.ts';
import { automationMark } from '../../lib/automation.ts';
import { compareText } from '../../lib/collate.ts';
import { m } from '../../lib/messages.ts';
import { isLocked, type Mark, movingPairs, pairMark } from '../../lib/pair-state.ts';
import { pairsBySeat, seatKey } from './fleet-index.ts';
import { alonePasses, type Filter, hasAll, pairPasses, wordsOf } from './search.ts';
import { vmMark } from './seat-mark.ts';
import { shareOf } from './share.ts';

/** One machine as a table row: where it is, how it is, who stands by. */
export interface MachineRow {
  key: string;
  name: string;
  hostId: string;
  hostName: string;
  state: Mark;
  /** Share of the host, 0..1; null unless the host answers. */
  cpu: number | null;
  /** Share of the host's, 0..1; null while that is not known. */
  memory: number | null;
  memoryBytes: number;
  diskBytes: number;
  vmUuid: string;
  view: VmView;
  pair: PairView | null;
  protection: Mark | null;
  standbyName: string;
  /** "armed", "manual", ...; '' without a pair. */
  automation: string;
}

export type SortKey = 'name' | 'host' | 'state' | 'cpu' | 'memory' | 'protection';

/** Every machine once: the copies that wait or lie aside belong to their pair's row. */
export function machineRows(fleet: FleetSnapshot): MachineRow[] {
  const seats = pairsBySeat(fleet);
  const moving = movingPairs(fleet);
  return Object.values(fleet.vms).flatMap((view) => {
    const pair = seats.get(seatKey(view.hostId, view.vm.uuid));
    if (pair && pair.primary !== view.hostId) return [];
    return [rowOf(view, pair ?? null, fleet, pair !== undefined && moving.has(pair.id))];
  });
}

function rowOf(view: VmView, pair: PairView | null, fleet: FleetSnapshot, moving: boolean): MachineRow {
  const { key, hostId, vm } = view;
  const name = (id: string): string => fleet.hosts[id]?.name ?? id;
  const host = fleet.hosts[hostId];
  const lost = host?.connection.state === 'offline';
  /** Figures from before the console was started are none of now. */
  const heard = host?.connection.state === 'online';
  return {
    key,
    name: vm.name,
    hostId,
    hostName: name(hostId),
    state: lost ? lostMark(host) : tableMark(vm.state),
    cpu: heard ? vm.cpu : null,
    memory: heard ? shareOf(view, host).memory : null,
    memoryBytes: vm.memoryBytes,
    diskBytes: vm.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    vmUuid: vm.uuid,
    view,
    pair,
    protection: pair ? pairMark(pair, moving) : null,
    standbyName: pair ? name(pair.standby) : '',
    automation: pair ? automationMark(pair).word : '',
  };
}

function lostMark(host: HostView): Mark {
  if (isLocked(host)) return { tone: 'neutral', icon: 'question', word: m.pairs.place.notKnown };
  return { tone: 'danger', icon: 'cross', word: m.pairs.place.lost };
}

/** In a table the host stands beside it: "running", not "runs here". */
function tableMark(state: VmState): Mark {
  return state === 'running' ? { ...vmMark(state), word: m.map.table.running } : vmMark(state);
}

export function sortMachines(rows: readonly MachineRow[], by: SortKey, descending: boolean): MachineRow[] {
  const text = (row: MachineRow): string => {
    switch (by) {
      case 'host':
        return row.hostName;
      case 'state':
        return row.state.word;
      case 'protection':
        return row.protection?.word ?? '';
      default:
        return row.name;
    }
  };
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const first =
      by === 'cpu' || by === 'memory' ? (a[by] ?? -1) - (b[by] ?? -1) : compareText(text(a), text(b));
    return sign * first || compareText(a.name, b.name) || compareText(a.key, b.key);
  });
}

/** The same rows in the order in which they stand, null when they are not the same: figures change all the time. */
export function asTheyStand(keys: readonly string[], rows: readonly MachineRow[]): MachineRow[] | null {
  if (keys.length !== rows.length) return null;
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const standing = keys.flatMap((key) => byKey.get(key) ?? []);
  return standing.length === rows.length ? standing : null;
}

/** Matches machine, host, standby and the words of its state, every word of them; and what is picked out. */
export function filterMachines(
  rows: readonly MachineRow[],
  text: string,
  filter: Filter = 'all',
): MachineRow[] {
  const words = wordsOf(text);
  return rows.filter((row) => {
    const { pair, protection } = row;
    const passes = pair && protection ? pairPasses(pair, filter, protection) : alonePasses(row.view, filter);
    if (!passes) return false;
    const hay = [row.name, row.hostName, row.standbyName, row.state.word, protection?.word, row.automation];
    return words.length === 0 || hasAll(hay.join(' '), words);
  });
}
