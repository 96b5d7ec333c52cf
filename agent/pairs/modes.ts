import {
  isCoordinated,
  makesPoints,
  modeOf,
  modeProblem,
  type PairRecord,
  type PairSpec,
  type PointMode,
  type Problem,
  ProblemError,
  type ReplicationMode,
} from '../protocol/index.ts';
import { refuseCoordinated } from './coordinated/checks.ts';

/** Null for a copy that is not kept by points. */
export function pointModeOf(pair: { record: PairRecord; spec: PairSpec }): PointMode | null {
  const mode = modeOf(pair);
  return makesPoints(mode) ? mode : null;
}

/** How long a write of the pair's machine may wait for the standby, as a mirror is ordered. */
export function patienceOf(pair: { record: PairRecord; spec: PairSpec }): { patienceMs?: number } {
  const mode = modeOf(pair);
  return mode.kind === 'sync' && mode.goOnMs !== undefined ? { patienceMs: mode.goOnMs } : {};
}

/** What a description that says nothing of it means. */
export const isDefault = (mode: ReplicationMode): boolean =>
  mode.kind === 'sync' && !mode.memory && mode.goOnMs === undefined;

/** The mirror that runs can go on as it is: only how long a write may wait for it becomes another. */
export function onlyPatience(before: ReplicationMode, after: ReplicationMode): boolean {
  if (before.kind !== 'sync' || after.kind !== 'sync') return false;
  return (before.memory ?? false) === (after.memory ?? false);
}

/** Throws what a mode cannot be, with these disks and this policy. */
export function refuseMode(
  mode: ReplicationMode,
  policy: PairRecord['policy'],
  disks: { target: string; format: string }[],
  drill: 'waived' | 'first' = 'waived',
): void {
  const problem = modeProblem(mode) ?? (makesPoints(mode) ? unfit(policy, disks) : null);
  if (problem) throw new ProblemError(problem);
  if (isCoordinated(mode)) refuseCoordinated(mode, policy, drill);
}

/** Throws for another keeper of the copy: whose files they are was decided when the machine was protected. */
export function refuseOtherKeeper(now: ReplicationMode, wanted: ReplicationMode): void {
  const keeper = (mode: ReplicationMode): string => (isCoordinated(mode) ? mode.kind : 'ours');
  if (keeper(now) === keeper(wanted)) return;
  throw new ProblemError({
    kind: 'keeper-fixed',
    message:
      'Who keeps the copy of a machine is chosen when it is protected: its disks lie elsewhere with another.',
    next: 'End its protection, and protect it anew in the way you want.',
    field: 'replication',
  });
}

function unfit(policy: PairRecord['policy'], disks: { target: string; format: string }[]): Problem | null {
  if (policy !== 'manual')
    return {
      kind: 'mode-needs-manual',
      message:
        'A copy that is kept by points lacks what was written since the last one: nobody may fail over to it by himself.',
      next: 'Set its failover to manual first, or mirror it synchronously.',
      field: 'policy',
    };
  const raw = disks.find(({ format }) => format !== 'qcow2');
  if (!raw) return null;
  return {
    kind: 'points-need-qcow2',
    message: `Disk ${raw.target} is a raw image: points are layers of qcow2, and cannot be kept of it.`,
    next: 'Mirror it synchronously, or convert the disk to qcow2 first.',
    field: 'replication',
  };
}

/** For the audit log. */
export function modeInWords(mode: ReplicationMode): string {
  if (mode.kind === 'sync') {
    const where = mode.memory ? 'mirrored synchronously, in memory on the standby' : 'mirrored synchronously';
    return mode.goOnMs === undefined
      ? where
      : `${where}, and rather goes on than waits longer than ${mode.goOnMs} ms`;
  }
  if (mode.kind === 'shared') return 'the very disk of the machine, reached by both hosts';
  if (mode.kind === 'external')
    return `kept by an external ${mode.synchronous ? 'synchronous' : 'asynchronous'} replication`;
  if (mode.kind === 'async') return `kept by points, at most ${mode.rpoS} s behind`;
  return `kept by a point every ${mode.everyS} s`;
}
