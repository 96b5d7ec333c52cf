import {
  type CoordinatedMode,
  type ExternalCommands,
  type ExternalMode,
  fail,
  isCoordinated,
  modeOf,
  ok,
  type PairRecord,
  type PairSpec,
  type Problem,
  ProblemError,
  type Result,
} from '../../protocol/index.ts';
import type { CoordinatedHost } from '../../replication/coordinated/host.ts';
import type { PairContext } from '../context.ts';

type Pair = { record: PairRecord; spec: PairSpec };

/** Null for a copy that is ours: mirrored, or kept by points. */
export function coordinatedModeOf(pair: Pair): CoordinatedMode | null {
  const mode = modeOf(pair);
  return isCoordinated(mode) ? mode : null;
}

/**
 * Files that are ours to make, write over and delete: the standby's, of a copy that we keep. What a pair says anywhere against that
 * counts: nothing of a running machine's only disk may go because a record was lost.
 */
export function ownsFiles({ record, spec }: { record: PairRecord | null; spec: PairSpec }): boolean {
  const told = spec.replication?.kind;
  if (told === 'shared' || told === 'external') return false;
  return record === null || coordinatedModeOf({ record, spec }) === null;
}

/** Throws for a pair whose files are not ours to touch. */
export function refuseForeignFiles(pair: Pair): void {
  if (ownsFiles(pair)) return;
  throw new ProblemError({
    kind: 'not-our-copy',
    message: `The disks of ${pair.spec.workload.name} are kept by its storage: nothing is copied to them.`,
    next: 'Look at the map again: what was asked for belongs to another way of keeping the copy.',
  });
}

/** What this host does for such copies; a witness does nothing. Throws ProblemError. */
export function coordinatedHost(context: PairContext): CoordinatedHost {
  const { coordinated } = context.deps;
  if (coordinated) return coordinated;
  throw new ProblemError({
    kind: 'not-possible-here',
    message: `${context.deps.selfName()} runs no machines.`,
    next: 'Choose a host that does.',
  });
}

export function commandsHere(context: PairContext, mode: ExternalMode): Result<ExternalCommands> {
  const commands = mode.commands[context.self];
  return commands ? ok(commands) : fail(noCommands(context.deps.selfName()));
}

export const noCommands = (host: string): Problem => ({
  kind: 'commands-missing',
  message: `It is not known on ${host} which commands belong to the replication of this machine.`,
  next: `Enter the commands for ${host} where the way of keeping the copy is chosen.`,
  field: 'state',
});
