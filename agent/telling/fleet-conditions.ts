import type { PairStatus } from '../protocol/index.ts';
import { type Condition, MINUTE, SECOND, type World } from './condition.ts';
import { ownerConditions } from './owner-conditions.ts';
import { clockTime } from './quiet.ts';
import { standbyConditions } from './standby-conditions.ts';

/** Members of a pair tell its story sooner, and that covers the silence of a host. */
const SILENT_RIPE_MS = 150 * SECOND;
const CUT_OFF_RIPE_MS = 60 * SECOND;

/** All that is so now and may be worth telling. Pure. */
export function conditionsOf(world: World): Condition[] {
  return [
    ...world.pairs.flatMap((status) => ofPair(status, world)),
    ...silence(world),
    ...world.unclaimed.map((machine) => unclaimedCondition(machine, world)),
  ];
}

function ofPair(status: PairStatus, world: World): Condition[] {
  const own = status.record.owner === world.self.hostId;
  const told = own ? ownerConditions(status, world) : standbyConditions(status, world);
  return [...told, ...drillFailed(status, world)];
}

/** Told by the host on which it was made. */
function drillFailed(status: PairStatus, world: World): Condition[] {
  const [last] = status.drill?.results ?? [];
  if (last?.outcome !== 'failed' || last.host !== world.self.hostId) return [];
  const { pairId, workload } = status.spec;
  return [
    {
      id: `drill:${pairId}:${last.id}`,
      kind: 'drill-failed',
      severity: 'soon',
      ripeMs: 0,
      latched: true,
      pairId,
      subject: workload.name,
      does: `did not come up in a drill on ${world.self.name}`,
      doMany: `did not come up in drills on ${world.self.name}`,
      details: [
        last.problem?.message ?? 'Its copy gave no answer in time.',
        'The machine itself goes on untouched.',
      ],
      next: last.problem?.next ?? 'Look at the drill in the console, and try again.',
      covers: [],
    },
  ];
}

/** Who tells of a silent host: of those that hear each other one, a witness before the others, then by id. */
export function tellsOfSilence(world: Pick<World, 'self' | 'role' | 'sights'>): boolean {
  const heard = world.sights.filter(({ reachable }) => reachable);
  const all = [{ hostId: world.self.hostId, role: world.role }, ...heard];
  const rank = ({ hostId, role }: { hostId: string; role: string }): string =>
    `${role === 'witness' ? 0 : 1} ${hostId}`;
  const [first] = all.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  return first?.hostId === world.self.hostId;
}

function silence(world: World): Condition[] {
  const silent = world.sights.filter(({ reachable }) => !reachable);
  const alone = silent.length > 1 && silent.length === world.sights.length;
  const mine = tellsOfSilence(world);
  // Planned work on it: whoever began that knows. Once that is over and it is still silent, it is told.
  const each = silent
    .filter(({ hostId }) => !isMaintained(hostId, world))
    .map(({ hostId, name, role, since }) => ({
      ...(mine ? {} : { mine: false as const }),
      id: `silent:${hostId}`,
      kind: 'host-silent' as const,
      severity: role === 'hypervisor' ? ('urgent' as const) : ('soon' as const),
      ripeMs: SILENT_RIPE_MS,
      latched: false,
      pairId: null,
      subject: name,
      does: 'does not answer',
      doMany: 'do not answer',
      details: [
        `${name}: no answer to ${world.self.name} since ${clockTime(since, world.now, world.zone)}.`,
        role === 'hypervisor'
          ? 'Machines on it without a standby may be down.'
          : 'Without the witness nothing is failed over by itself where another host fails too.',
      ],
      next: `Look whether ${name} is on, and at the network to it.`,
      covers: [],
    }));
  return alone ? [cutOff(world), ...each] : each;
}

const isMaintained = (hostId: string, { records, now }: World): boolean =>
  records.some(
    ({ members, maintenance }) => members.includes(hostId) && maintenance !== null && maintenance.until > now,
  );

/** More likely this one than all the others. */
function cutOff({ self, sights }: World): Condition {
  return {
    id: `cut-off:${self.hostId}`,
    kind: 'cut-off',
    severity: 'urgent',
    ripeMs: CUT_OFF_RIPE_MS,
    latched: false,
    pairId: null,
    subject: self.name,
    does: 'hears none of the other hosts',
    doMany: 'hear none of the other hosts',
    details: [`It does not hear ${sights.length} others: it may be cut off itself.`],
    next: `Look at the network of ${self.name}.`,
    covers: sights.map(({ hostId }) => `silent:${hostId}`),
  };
}

function unclaimedCondition(
  { vmUuid, name, problem }: World['unclaimed'][number],
  { self }: World,
): Condition {
  return {
    id: `unclaimed:${self.hostId}:${vmUuid}`,
    kind: 'decision',
    severity: 'soon',
    ripeMs: 5 * MINUTE,
    latched: false,
    pairId: null,
    subject: name,
    does: `waits for your decision on ${self.name}`,
    doMany: `wait for your decision on ${self.name}`,
    details: [problem.message],
    next: problem.next,
    covers: [],
  };
}
