import {
  commandProblem,
  type ParamsOf,
  type PeerApi,
  ProblemError,
  type ResultOf,
} from '../../protocol/index.ts';
import { must, type PairContext } from '../context.ts';
import { asStandby, clearOldCopy, refuseQuarantined } from '../prepare.ts';
import { freshNotes, type StoredPair } from '../store.ts';
import { stateHere } from './external.ts';
import { coordinatedHost, coordinatedModeOf, refuseForeignFiles } from './mode.ts';

/**
 * The host stands by with a copy that somebody else keeps: nothing lies here that is ours, and no file is touched. What is
 * left of a former ownership goes: its process, its definition.
 */
export async function standByAttended(
  context: PairContext,
  params: ParamsOf<PeerApi, 'standby.attend'>,
): Promise<void> {
  const { pairId, workload } = params.spec;
  await context.adoptSpec(params.spec, freshNotes(context.deps.bootId));
  await context.nodes.seed(pairId, params.chosen, false);
  // No permission: whatever is started of it here by hand is stopped.
  await context.deps.guard.protect(workload.uuid);
  // What learning that record writes down (a quarantine) is on disk before anything is decided here.
  await context.learning.done(pairId);
  const pair = context.pair(pairId);
  if (!coordinatedModeOf(pair)) refuseForeignFiles(pair);
  checkOwner(context, pair);
  refuseQuarantined(context, pair, params.overQuarantine);
  await clearOldCopy(context, pair);
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    ...asStandby,
    generation: null,
    point: null,
    image: 'complete',
  }));
}

/** Also while the pair is armed: an agent that has started anew looks after its copy again, and no file is touched. */
function checkOwner(context: PairContext, { record, spec }: StoredPair): void {
  const { members, owner, begun } = record;
  if (members.includes(context.self) && owner !== context.self && begun) return;
  throw new ProblemError({
    kind: 'record-older',
    message: `${context.deps.selfName()} holds a newer record of ${spec.workload.name}.`,
    next: 'Look at the map again: the machine has changed sides meanwhile.',
  });
}

/** What this host sees of the images that both are to reach. */
export async function seeShared(
  context: PairContext,
  { disks, locks }: ParamsOf<PeerApi, 'shared.see'>,
): Promise<ResultOf<PeerApi, 'shared.see'>> {
  const host = coordinatedHost(context);
  const seen = await Promise.all(
    disks.map(async ({ target, path }) => [target, await host.see(path, locks)] as const),
  );
  return { images: Object.fromEntries(seen) };
}

/** What the replication says on this host. */
export async function tellExternal(
  context: PairContext,
  { pairId }: ParamsOf<PeerApi, 'external.state'>,
): Promise<ResultOf<PeerApi, 'external.state'>> {
  const pair = context.pair(pairId);
  const mode = coordinatedModeOf(pair);
  if (mode?.kind !== 'external') return must({ ok: false, problem: notExternal(pair.spec.workload.name) });
  return must(await stateHere(context, mode));
}

/** Whether this host could run what an operator has named. */
export async function checkCommands(
  context: PairContext,
  { commands }: ParamsOf<PeerApi, 'external.check'>,
): Promise<ResultOf<PeerApi, 'external.check'>> {
  const host = coordinatedHost(context);
  for (const verb of ['state', 'promote', 'demote'] as const) {
    const command = commands[verb];
    if (command === null) continue;
    const problem = commandProblem(verb, command);
    if (problem) throw new ProblemError(problem);
    const checked = await host.check(command);
    if (!checked.ok) throw new ProblemError({ ...checked.problem, field: verb });
  }
  return {};
}

const notExternal = (name: string) => ({
  kind: 'not-external',
  message: `The copy of ${name} is not kept by an external replication.`,
  next: 'Look at the map again: how its copy is kept was changed meanwhile.',
});
