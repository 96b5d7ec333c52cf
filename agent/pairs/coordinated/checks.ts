import {
  type Check,
  type CoordinatedMode,
  type ExternalMode,
  mayBeWhole,
  type PairRecord,
  type Problem,
  ProblemError,
} from '../../protocol/index.ts';
import { must, type PairContext } from '../context.ts';
import { isLive } from '../store.ts';
import { coordinatedHost, noCommands } from './mode.ts';
import { proveShared, type SharedDisks } from './shared.ts';
import { checkCommands } from './standing-by.ts';

/** Throws what a machine whose copy somebody else keeps cannot do by itself. */
export function refuseCoordinated(
  mode: CoordinatedMode,
  policy: PairRecord['policy'],
  drill: 'waived' | 'first' = 'waived',
): void {
  if (policy === 'manual') return;
  if (!mayBeWhole(mode))
    throw new ProblemError({
      kind: 'mode-needs-manual',
      message:
        'This replication is not synchronous: its copy lacks what was written last, so nobody may fail over to it by himself.',
      next: 'Set its failover to manual. If the replication does hold writes until the copy has them, say so.',
      field: 'policy',
    });
  if (drill === 'first')
    throw new ProblemError({
      kind: 'drill-impossible',
      message:
        'A copy that somebody else keeps cannot be tried out beside the running machine, so a drill cannot be passed first.',
      next: 'Decide to arm it without a drill; try a failover at a quiet hour.',
      field: 'drill',
    });
}

/** What the two hosts say of such a copy before anything is begun. Changes nothing but the token beside the disks. */
export async function checkCoordinated(
  context: PairContext,
  mode: CoordinatedMode,
  order: { vmUuid: string; standby: string; disks: SharedDisks },
): Promise<Check[]> {
  return mode.kind === 'shared' ? sharedChecks(context, order) : externalChecks(context, mode, order.standby);
}

async function sharedChecks(
  context: PairContext,
  { vmUuid, standby, disks }: { vmUuid: string; standby: string; disks: SharedDisks },
): Promise<Check[]> {
  const locks = isLive(context.vmState(vmUuid));
  const proof = await proveShared(context, { disks, other: standby, locks });
  const base = { id: 'same-files', host: context.nameOf(standby), title: 'The same files on both hosts' };
  if (!proof.ok) return [{ ...base, state: 'failed', ...words(proof.problem) }];
  return [{ ...base, state: 'ok', message: `${proof.value.line}, and sees that they are in use.`, next: '' }];
}

async function externalChecks(context: PairContext, mode: ExternalMode, standby: string): Promise<Check[]> {
  return Promise.all(
    [context.self, standby].map(async (hostId): Promise<Check> => {
      const base = { id: 'commands', host: context.nameOf(hostId), title: 'Commands of the replication' };
      const problem = await commandsProblem(context, mode, hostId);
      if (problem) return { ...base, state: 'failed', ...words(problem) };
      return { ...base, state: 'ok', message: `${context.nameOf(hostId)} can run them.`, next: '' };
    }),
  );
}

async function commandsProblem(
  context: PairContext,
  mode: ExternalMode,
  hostId: string,
): Promise<Problem | null> {
  const commands = mode.commands[hostId];
  if (!commands) return noCommands(context.nameOf(hostId));
  if (hostId !== context.self) {
    const asked = await context.deps.peers.to(hostId).call('external.check', { commands });
    return asked.ok ? null : asked.problem;
  }
  coordinatedHost(context);
  try {
    await checkCommands(context, { commands });
    return null;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
}

/** Before another set of commands counts: both hosts can run them. Throws ProblemError. */
export async function refuseCommands(
  context: PairContext,
  mode: CoordinatedMode,
  members: readonly string[],
): Promise<void> {
  if (mode.kind !== 'external') return;
  for (const hostId of members) {
    const problem = await commandsProblem(context, mode, hostId);
    if (problem) must({ ok: false, problem });
  }
}

const words = ({ message, next }: Problem): { message: string; next: string } => ({ message, next });
