import type { PairRecord, RecordMode } from '../../../agent/protocol/index.ts';
import type { Joined } from './inputs.ts';
import { clockTime } from './time.ts';

/** What is said of a copy that somebody else keeps. */

const ENTIRE: readonly RecordMode[] = ['sync', 'shared', 'external-sync'];
const ATTENDED: readonly RecordMode[] = ['shared', 'external', 'external-sync'];
const BY_POINTS: readonly RecordMode[] = ['interval', 'async'];
type Kept = Pick<PairRecord, 'replica'>;

/** It has everything that was acknowledged, when it is as it should be. */
export const mayHaveAll = ({ replica }: Kept): boolean => ENTIRE.includes(replica.mode);
export const isAttended = ({ replica }: Kept): boolean => ATTENDED.includes(replica.mode);
export const isByPoints = ({ replica }: Kept): boolean => BY_POINTS.includes(replica.mode);

/** In sync, as the two hosts or the replication say. */
export function whole({ machine, standby, record, now }: Joined): string {
  const since = clockTime(record.replica.since, now);
  return record.replica.mode === 'shared'
    ? `${standby.name} reaches the disks of ${machine}, since ${since}: it can start from them at any time.`
    : `The replication of ${machine} to ${standby.name} says in sync, since ${since}.`;
}

/** An asynchronous replication goes on. */
export function goesOn({ machine, standby, mirror }: Joined): string {
  const line = mirror?.attended?.line ?? '';
  return `${machine} is replicated to ${standby.name} by others${line === '' ? '' : `: ${line}`}.`;
}

export function troubled({ machine, owner, standby, mirror }: Joined): string {
  const why = mirror?.problem?.message ?? 'how its copy is, is not known yet.';
  return `${machine} runs on ${owner.name} without a copy on ${standby.name} that could be counted on: ${why}`;
}
