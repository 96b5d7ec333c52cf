import {
  COMMAND_LIMITS_MS,
  type ExternalMode,
  type ExternalState,
  type ExternalVerb,
  fail,
  ok,
  type Problem,
  type Result,
} from '../../protocol/index.ts';
import { firstLine, readState } from '../../replication/coordinated/external-state.ts';
import type { Attended } from '../../replication/replication.ts';
import type { PairContext } from '../context.ts';
import type { StoredPair } from '../store.ts';
import { commandsHere, coordinatedHost, coordinatedModeOf } from './mode.ts';

/** What this host's own state command says. */
export async function stateHere(context: PairContext, mode: ExternalMode): Promise<Result<ExternalState>> {
  const commands = commandsHere(context, mode);
  if (!commands.ok) return commands;
  const ran = await coordinatedHost(context).run(commands.value.state, COMMAND_LIMITS_MS.state);
  return ran.ok ? readState(ran.value, context.deps.selfName()) : ran;
}

/** Both hosts are asked, since one may not know what the other lacks; the worse word counts. */
export async function lookAtExternal(context: PairContext, pair: StoredPair): Promise<Result<Attended>> {
  const mode = coordinatedModeOf(pair);
  if (mode?.kind !== 'external') return fail(otherMode(pair));
  const { pairId } = pair.spec;
  const [here, there] = await Promise.all([
    stateHere(context, mode),
    context.deps.peers.to(context.other(pair.spec)).call('external.state', { pairId }),
  ]);
  if (!here.ok) return here;
  if (!there.ok) return there;
  const worse = there.value.state === 'behind' ? there.value : here.value;
  const { behindS, behindBytes, line } = worse;
  return ok({ state: worse.state === 'in-sync' ? 'in-sync' : 'behind', behindS, behindBytes, line });
}

/**
 * Runs `promote` or `demote` here, once more when it had come to its end before: both can be repeated. Journalled before and
 * after, so that whoever looks at a machine that did not start finds what was done to its copy.
 */
async function carryOut(context: PairContext, pair: StoredPair, verb: ExternalVerb): Promise<Result<void>> {
  const mode = coordinatedModeOf(pair);
  if (mode?.kind !== 'external') return ok(undefined);
  const commands = commandsHere(context, mode);
  if (!commands.ok) return commands;
  const command = commands.value[verb];
  if (command === null) return fail(noDemote(pair));
  const { name } = pair.spec.workload;
  const here = context.deps.selfName();
  const { epoch } = pair.record;
  const evidence = { command: command.join(' '), epoch: String(epoch.n) };
  await context.setNotes(pair.spec.pairId, (notes) => ({
    ...notes,
    external: { verb, epoch, at: context.now(), done: false },
  }));
  context.audit(`external-${verb}`, pair, `The copy of ${name} on ${here}: ${verb} is run.`, evidence);
  const ran = await coordinatedHost(context).run(command, COMMAND_LIMITS_MS[verb]);
  const result: Result<void> = !ran.ok
    ? ran
    : ran.value.code === 0
      ? ok(undefined)
      : fail(refused(verb, here, firstLine(ran.value.stderr || ran.value.stdout), ran.value.code));
  const text = result.ok ? 'done' : result.problem.message;
  context.audit(
    result.ok ? `external-${verb}-done` : `external-${verb}-failed`,
    pair,
    `The copy of ${name} on ${here}: ${verb}: ${text}`,
    evidence,
  );
  if (result.ok)
    await context.setNotes(pair.spec.pairId, (notes) => ({
      ...notes,
      external: { verb, epoch, at: context.now(), done: true },
    }));
  return result;
}

/** The copy here is the one that is written to from now on. Before every start: whoever had it last may have been the other host. */
export const promoteHere = (context: PairContext, pair: StoredPair): Promise<Result<void>> =>
  carryOut(context, pair, 'promote');

/** The copy here is not written to any more; the machine is down. */
export const demoteHere = (context: PairContext, pair: StoredPair): Promise<Result<void>> =>
  carryOut(context, pair, 'demote');

const refused = (verb: ExternalVerb, host: string, line: string, code: number): Problem => ({
  kind: `external-${verb}-failed`,
  message: `The ${verb} command on ${host} failed with exit code ${code}${line === '' ? '' : `: ${line}`}.`,
  next: `Mend what it complains of on ${host}; it is run again at the next try.`,
});

export const noDemote = (pair: StoredPair): Problem => ({
  kind: 'demote-missing',
  message: `No demote command is known for the replication of ${pair.spec.workload.name}: it cannot change sides by plan.`,
  next: 'Enter a demote command where the way of keeping the copy is chosen, or fail over once the machine is down.',
});

const otherMode = (pair: StoredPair): Problem => ({
  kind: 'not-external',
  message: `The copy of ${pair.spec.workload.name} is not kept by an external replication.`,
  next: 'Look at the map again: how its copy is kept was changed meanwhile.',
});
