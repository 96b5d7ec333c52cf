import type { PairStatus } from '../protocol/index.ts';
import { rpoStanding } from '../protocol/index.ts';
import type { Open } from './book.ts';
import type { World } from './condition.ts';
import { isProtected, otherOf } from './pair-states.ts';
import { clockTime } from './quiet.ts';

/** How the end of a condition is told. */
export interface Ending {
  does: string;
  doMany: string;
  details: string[];
}

type End = (open: Open, world: World, status: PairStatus | null) => Ending | null;

/** Null: it is over, but not well, or it is not for this agent to say, or a person knows since it was his decision. */
export function endingOf(open: Open, world: World): Ending | null {
  const status = world.pairs.find(({ spec }) => spec.pairId === open.pairId) ?? null;
  return ENDINGS[open.kind](open, world, status);
}

const plain = (does: string, doMany: string, details: string[] = []): Ending => ({ does, doMany, details });
const owned = (status: PairStatus | null, { self }: World): status is PairStatus =>
  status !== null && status.record.owner === self.hostId;

const protectedAgain: End = (_open, world, status) => {
  if (!owned(status, world) || !isProtected(status)) return null;
  const other = world.nameOf(otherOf(status, world.self.hostId));
  const since = clockTime(status.record.replica.since, world.now, world.zone);
  return plain('is protected again', 'are protected again', [
    `On ${world.self.name}, with a current copy on ${other} since ${since}.`,
  ]);
};

const ENDINGS: Record<Open['kind'], End> = {
  elsewhere: protectedAgain,
  unprotected: protectedAgain,
  down: (_open, world, status) => {
    const runs = owned(status, world) && status.local.kind === 'primary' && status.local.vm === 'running';
    return runs ? plain(`runs again on ${world.self.name}`, `run again on ${world.self.name}`) : null;
  },
  lost: (_open, _world, status) => {
    // Failed over meanwhile: another story, told by whom it runs on.
    if (status === null || !status.peer.reachable || status.record.owner !== status.peer.hostId) return null;
    const owner = _world.nameOf(status.record.owner);
    return plain(
      `needs no decision any more: ${owner} answers again`,
      `need no decision any more: ${owner} answers again`,
    );
  },
  decision: () => null,
  'not-armed': (_open, world, status) =>
    owned(status, world) && status.record.armed
      ? plain('is failed over by itself again', 'are failed over by themselves again')
      : null,
  'copy-differs': (open, world, status) => {
    const result = status?.verify?.results.find(({ id }) => open.id.endsWith(`:${id}`));
    if (!owned(status, world) || !result || result.repairedAt === null) return null;
    return plain('has a repaired copy', 'have repaired copies', [
      'It was compared and copied anew where it differed.',
    ]);
  },
  'target-missed': (_open, world, status) => {
    if (!owned(status, world) || !status.spec.objectives) return null;
    const standing = rpoStanding(status.spec.objectives, status.risk?.atRisk ?? null, world.now);
    return standing === 'met' || standing === 'near'
      ? plain('keeps its target for lost writes again', 'keep their targets for lost writes again')
      : null;
  },
  'drill-failed': (_open, world, status) => {
    const [last] = status?.drill?.results ?? [];
    return last?.outcome === 'passed' && last.host === world.self.hostId
      ? plain(`came up in a drill on ${world.self.name}`, `came up in drills on ${world.self.name}`)
      : null;
  },
  'host-silent': (open, world) => {
    const sight = world.sights.find(({ hostId }) => open.id === `silent:${hostId}`);
    return sight?.reachable ? plain('answers again', 'answer again') : null;
  },
  'cut-off': (_open, world) =>
    world.sights.some(({ reachable }) => reachable)
      ? plain('hears the other hosts again', 'hear the other hosts again')
      : null,
};
