import type { Problem } from '../../protocol/index.ts';
import type { PairContext } from '../context.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import type { StoredPair } from '../store.ts';

const no = (kind: string, message: string, next: string): Problem => ({ kind, message, next });

/** Why the copy cannot be compared now; null when it can. `others`: another machine of this host is being compared. */
export function refuseVerify(context: PairContext, pair: StoredPair, others: boolean): Problem | null {
  const { deps } = context;
  const { pairId, workload } = pair.spec;
  const { name } = workload;
  const here = deps.selfName();
  const standby = context.other(pair.spec);
  if (!context.isOwner(pair)) {
    const owner = context.nameOf(pair.record.owner);
    return no('not-owner', `${name} does not run on ${here}.`, `Give this order to ${owner}.`);
  }
  if (coordinatedModeOf(pair))
    return no(
      'not-our-copy',
      `The copy of ${name} is not kept by us: there is nothing here to compare it with.`,
      'Use the means of its storage or its replication (a scrub, a verify).',
    );
  const { begun, replica } = pair.record;
  if (!begun || replica.state !== 'in-sync' || deps.source.status(pairId)?.state !== 'in-sync')
    return no(
      'not-in-sync',
      `The copy of ${name} on ${context.nameOf(standby)} is not in sync.`,
      'Wait until the pair is in sync, then compare again.',
    );
  if (context.tasks.running(pairId))
    return no('pair-busy', `${name} is busy with another order.`, 'Wait until that has ended.');
  if (deps.peers.sight(standby)?.reachable !== true) return context.unreachable(standby);
  if (!others) return null;
  return no(
    'verify-busy',
    `${here} is comparing another machine with its copy.`,
    'Wait until that has ended: they would only slow each other down.',
  );
}

export const INTERRUPTED: Problem = {
  kind: 'verify-interrupted',
  message: 'The agent was restarted in the middle of the comparison; everything of it was cleared away.',
  next: 'Compare again.',
};

export const brokeOff = ({ subject, standbyName }: { subject: string; standbyName: string }): Problem => ({
  kind: 'verify-broke-off',
  message: `The replication of ${subject} to ${standbyName} was interrupted, so its copy could not be compared to the end.`,
  next: 'Wait until the pair is in sync, then compare again.',
});

export const readingLost = (host: string): Problem => ({
  kind: 'comparison-lost',
  message: `The agent on ${host} has started anew during the comparison.`,
  next: 'Compare again.',
});
