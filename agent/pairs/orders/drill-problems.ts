import type { Problem } from '../../protocol/index.ts';
import type { PairContext } from '../context.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import type { StoredPair } from '../store.ts';

/** Of a drill's data: the machine's and this host's name. */
interface Told {
  subject: string;
  here: string;
}

/** Why the copy here cannot be tried out now; null when it can. `wanted`: the restore point that is to be tried; null: the newest. */
export function refuseDrill(
  context: PairContext,
  pair: StoredPair,
  wanted: string | null = null,
): Problem | null {
  const { deps } = context;
  const { name } = pair.spec.workload;
  const no = (kind: string, message: string, next: string): Problem => ({ kind, message, next });
  if (!deps.stage)
    return no(
      'drill-impossible',
      `${deps.selfName()} cannot try copies out.`,
      'Choose a standby that runs machines.',
    );
  if (context.isOwner(pair))
    return no(
      'not-standby',
      `${name} runs on ${deps.selfName()}: its copy is on ${context.nameOf(context.other(pair.spec))}.`,
      `Give this order to ${context.nameOf(context.other(pair.spec))}.`,
    );
  const { begun, replica } = pair.record;
  if (coordinatedModeOf(pair))
    return no(
      'drill-impossible',
      `The copy of ${name} is not kept by us: it cannot be tried out beside the running machine.`,
      'Try a planned change of sides at a quiet hour instead.',
    );
  if (replica.mode !== 'sync') return refusePoint(context, pair, wanted);
  if (!begun || replica.state !== 'in-sync' || pair.notes.quarantine || !deps.target.isOpen(pair.spec.pairId))
    return no(
      'not-in-sync',
      `The copy of ${name} on ${deps.selfName()} is not in sync.`,
      'Wait until the pair is in sync, then start the drill again.',
    );
  return null;
}

/** Of a copy that is kept by points: any complete one will do, whatever became of its owner since. */
function refusePoint(context: PairContext, pair: StoredPair, wanted: string | null): Problem | null {
  const { deps } = context;
  const { name } = pair.spec.workload;
  const points = deps.target.restore.list(pair.spec.pairId);
  const here = deps.selfName();
  if (points.length === 0 || pair.notes.quarantine)
    return {
      kind: 'no-restore-point',
      message: `${here} has no complete restore point of ${name}.`,
      next: 'Wait until the first one is complete, then start the drill again.',
    };
  if (wanted === null || points.some(({ id }) => id === wanted)) return null;
  return {
    kind: 'point-gone',
    message: `${here} does not keep that restore point of ${name}.`,
    next: 'Look at the points again, and choose another.',
  };
}

export const INTERRUPTED: Problem = {
  kind: 'drill-interrupted',
  message: 'The agent was restarted in the middle of the drill; everything of it was taken down.',
  next: 'Start the drill again.',
};

export const MADE_WAY: Problem = {
  kind: 'cancelled',
  message: 'It was cancelled.',
  next: 'Start it again when you are ready.',
};

export const busy = (data: Told): Problem => ({
  kind: 'drill-busy',
  message: `${data.here} is trying another copy out.`,
  next: 'Wait until that drill has ended.',
});

export const ended = (data: Told): Problem => ({
  kind: 'drill-guest-ended',
  message: `The copy of ${data.subject} stopped by itself.`,
  next: 'Look at what the machine does when it boots without its network; then start the drill again.',
});

export const broken = (data: Told): Problem => ({
  kind: 'point-gone',
  message: `The point of the copy of ${data.subject} did not last: the replication was interrupted, or the disk of ${data.here} is full.`,
  next: 'Wait until the copy is whole again, then start the drill again.',
});
