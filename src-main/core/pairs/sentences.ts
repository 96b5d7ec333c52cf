import { isByPoints } from './attended.ts';
import type { Joined } from './inputs.ts';
import { clockTime } from './time.ts';

function since(joined: Joined, at: number | null): string {
  return at === null ? '' : ` since ${clockTime(at, joined.now)}`;
}

export function inSync(joined: Joined): string {
  const { machine, standby, record } = joined;
  return `In sync${since(joined, record.replica.since)}: every write ${machine} confirms is on ${standby.name} too.`;
}

export function copying(joined: Joined): string {
  const { standby, mirror, task } = joined;
  const what = task?.kind === 'protect' ? 'The first copy to' : 'The update of the copy on';
  if (!mirror || mirror.totalBytes === 0) return `${what} ${standby.name} is being prepared.`;
  const percent = Math.min(100, Math.floor((mirror.doneBytes / mirror.totalBytes) * 100));
  return `${what} ${standby.name} is running: ${percent} %.`;
}

/** Of a copy that is kept by points. */
export function following(joined: Joined): string {
  const { machine, standby, mirror, now } = joined;
  const { wholeUntil = null, nextAt = null, alarm = null } = mirror?.follow ?? {};
  const until = wholeUntil === null ? '' : ` everything ${machine} wrote until ${clockTime(wholeUntil, now)}`;
  const next =
    nextAt === null ? 'the next point is being made' : `the next point follows at ${clockTime(nextAt, now)}`;
  const late = alarm === 'near' ? ' It is about to fall further behind than it may.' : '';
  const why = mirror?.problem ? ` ${mirror.problem.message}` : '';
  return `The copy on ${standby.name} has${until}; ${next}.${late}${why}`;
}

export function behind(joined: Joined): string {
  const { machine, standby, mirror, now } = joined;
  const until = mirror?.follow?.wholeUntil ?? newestPoint(joined)?.at ?? null;
  const why = mirror?.problem ? ` ${mirror.problem.message}` : '';
  const ends = until === null ? '' : ` It ends at ${clockTime(until, now)}.`;
  return `The copy of ${machine} on ${standby.name} is further behind than it may be.${ends}${why}`;
}

/** The newest point any member told of. */
function newestPoint({ owner, standby }: Joined): { at: number } | null {
  const told = [...(standby.word?.restorePoints ?? []), owner.word?.mirror?.follow?.point ?? null];
  return told.reduce<{ at: number } | null>((a, b) => (b && (!a || b.at > a.at) ? b : a), null);
}

export function held(joined: Joined): string {
  const { machine, standby, mirror } = joined;
  return `${machine} waits: ${standby.name} has not confirmed its writes${since(joined, mirror?.since ?? null)}.`;
}

export function notInSync(joined: Joined): string {
  const { machine, owner, standby, record, now } = joined;
  const { state, point } = record.replica;
  if (state === 'none' || point === null) {
    return `${machine} runs on ${owner.name} without a usable copy on ${standby.name}.`;
  }
  return `${machine} runs on ${owner.name} alone: the copy on ${standby.name} ends at ${clockTime(point, now)}.`;
}

export function primaryLost(joined: Joined): string {
  const { machine, owner, standby, record } = joined;
  const point = isByPoints(record) ? newestPoint(joined) : null;
  if (point)
    return `${owner.name} has not answered${since(joined, owner.silentSince)}. ${machine} ran there; its copy on ${standby.name} has everything until ${clockTime(point.at, joined.now)}.`;
  const copy = {
    'in-sync': `its copy on ${standby.name} was in sync when last heard.`,
    stale: `its copy on ${standby.name} is older than the last write.`,
    'catching-up': `its copy on ${standby.name} is not complete.`,
    none: `there is no copy on ${standby.name}.`,
  }[record.replica.state];
  return `${owner.name} has not answered${since(joined, owner.silentSince)}. ${machine} ran there; ${copy}`;
}

export function onlyThisConsoleIsCutOff(joined: Joined): string {
  const { owner, standby } = joined;
  return `This console has not reached ${owner.name}${since(joined, owner.silentSince)}, but ${standby.name} hears it.`;
}

export function neitherAnswers(joined: Joined): string {
  return `Neither ${joined.owner.name} nor ${joined.standby.name} answers: nothing is known of ${joined.machine}.`;
}

export function standbyLost(joined: Joined): string {
  const { machine, owner, standby } = joined;
  return `${standby.name} has not answered${since(joined, standby.silentSince)}: ${machine} runs on ${owner.name} alone.`;
}

export function stopped(joined: Joined): string {
  return `${joined.machine} is shut down on ${joined.owner.name}.`;
}

export function undefinedByHand({ machine, owner }: Joined): string {
  return `${machine} was undefined on ${owner.name} by hand: define it there again (virsh define), or it cannot start there.`;
}

export function moving({ machine, owner, destination }: Joined): string {
  if (owner.id === destination.id) return `${machine} is being started on ${owner.name}.`;
  return `${machine} is moving to ${destination.name}.`;
}

export function notBegun(joined: Joined): string {
  const { owner, machine } = joined;
  const starting = owner.reach === 'answers' ? 'is starting it' : 'has not started it';
  return `${owner.name} took ${machine} over and ${starting}.`;
}

export function waiting(joined: Joined, reason: string): string {
  const { machine, owner } = joined;
  return `${owner.name} does not start ${machine} before it knows that it may: ${reason}`;
}

export function quarantined(joined: Joined): string {
  const { machine, owner, standby } = joined;
  return `${machine} runs on ${owner.name}. The old copy on ${standby.name} is set aside until you decide.`;
}

export function steppingIn({ machine, owner, standby, now }: Joined, at: number): string {
  const when =
    at > now ? `steps in at ${clockTime(at, now)} unless it hears ${owner.name}` : 'is stepping in';
  return `${standby.name} misses ${owner.name}, which runs ${machine}: it ${when}.`;
}

export function frozen({ machine, owner }: Joined): string {
  return (
    `${machine} is frozen on ${owner.name}: it hears no other vote, so ${machine} might be started elsewhere. ` +
    `It goes on by itself as soon as ${owner.name} may run it again.`
  );
}
