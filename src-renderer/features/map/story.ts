import type { FleetSnapshot, HostView, PairView, VmView } from '../../../src-main/contract/index.ts';
import { isDown } from '../../../src-main/contract/what-if.ts';
import { compareText } from '../../lib/collate.ts';
import { inOrder, unprotected } from './fleet-index.ts';

/** What became of a machine of a host that failed. */
export type Turn =
  /** Runs on its standby's host since `at`. */
  | 'came-back'
  /** Its standby is about to start it, or does. */
  | 'coming'
  /** A person has to decide. */
  | 'asks'
  /** Nothing brings it back before its host returns. */
  | 'down'
  /** Its host is back; what was there is set aside. */
  | 'aside';

export interface StoryLine {
  key: string;
  name: string;
  pairId: string | null;
  turn: Turn;
  /** Where it runs, or would. */
  hostId: string | null;
  /** Wall clock (ms): when it came back, or will. */
  at: number | null;
}

/** One host's failure, from its last word on. */
export interface Story {
  host: HostView;
  /** Wall clock (ms) since which it does not answer; null: it is back. */
  lostAt: number | null;
  /** When the last lease on it had run out, as far as anybody told; null: nothing of it was armed. */
  leaseOutAt: number | null;
  lines: StoryLine[];
  /** Machines that only lost their standby with it. */
  withoutStandby: number;
}

const ORDER: readonly Turn[] = ['asks', 'coming', 'down', 'came-back', 'aside'];

/** What happened to each host that failed and is not yet settled, in the order of the picture. */
export function stories(fleet: FleetSnapshot): Story[] {
  const told = new Map<string, StoryLine[]>();
  const pairs = Object.values(fleet.pairs);
  for (const pair of pairs)
    for (const id of [pair.primary, pair.standby]) {
      const host = fleet.hosts[id];
      const lines = host ? linesFromHere(pair, host) : [];
      if (lines.length > 0) told.set(id, [...(told.get(id) ?? []), ...lines]);
    }
  const troubled = Object.values(fleet.hosts).filter(
    (host) => host.role === 'hypervisor' && (isDown(host) || told.has(host.id)),
  );
  if (troubled.length === 0) return [];
  const alone = unprotected(fleet);
  return inOrder(troubled).map((host) => storyOf(host, told.get(host.id) ?? [], pairs, alone));
}

function storyOf(host: HostView, its: StoryLine[], pairs: PairView[], alone: VmView[]): Story {
  const lost = isDown(host) ? host.connection.since : null;
  const lines = [
    ...its,
    ...alone
      .filter(({ hostId, vm }) => lost !== null && hostId === host.id && vm.state === 'running')
      .map(({ key, vm }): StoryLine => downLine(key, vm.name, null)),
  ].sort((a, b) => ORDER.indexOf(a.turn) - ORDER.indexOf(b.turn) || compareText(a.name, b.name));
  const left = pairs.filter(
    (pair) => pair.standby === host.id && pair.health === 'standby-lost' && pair.onStageSince === null,
  );
  return {
    ...{ host, lostAt: lost, lines, leaseOutAt: leaseOut(pairs, host, lost) },
    withoutStandby: left.length,
  };
}

const downLine = (key: string, name: string, pairId: string | null): StoryLine => ({
  ...{ key, name, pairId, turn: 'down', hostId: null, at: null },
});

function linesFromHere(pair: PairView, host: HostView): StoryLine[] {
  const { id, name, onStageSince: stage } = pair;
  const line = (turn: Turn, hostId: string | null, at: number | null): StoryLine[] => [
    { key: id, name, pairId: id, turn, hostId, at },
  ];
  if (pair.standby === host.id) {
    if (pair.health === 'quarantined') return line('aside', pair.primary, stage?.at ?? null);
    const movedAway = stage !== null && stage.hostId === pair.primary && isDown(host);
    return movedAway ? line('came-back', pair.primary, stage.at) : [];
  }
  if (pair.primary !== host.id) return [];
  if (pair.health === 'stepping-in') return line('coming', pair.standby, pair.automation.stepsIn?.at ?? null);
  if (pair.health === 'primary-lost') return line('asks', pair.standby, null);
  return pair.health === 'unknown' && isDown(host) ? [downLine(id, name, id)] : [];
}

/** When the last right to run something on it had ended: from then on it is certain that nothing armed runs there. */
function leaseOut(pairs: readonly PairView[], host: HostView, lostAt: number | null): number | null {
  if (lostAt === null) return null;
  const ends = pairs.flatMap(({ primary, automation: { lease } }) =>
    primary === host.id && lease?.holder === host.id && lease.endsAt !== null ? [lease.endsAt] : [],
  );
  return ends.length > 0 ? Math.max(...ends) : null;
}
