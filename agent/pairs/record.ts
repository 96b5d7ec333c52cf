import type { PairRecord, ReplicaRecord } from '../protocol/index.ts';

/**
 * The record's transitions, pure. Each returns the successor of a record; who may make which is in docs/safety.md.
 * Within one epoch only the owner raises the version; a change of owner raises the epoch.
 */

export function firstRecord(pairId: string, owner: string, now: number): PairRecord {
  return {
    pairId,
    version: 1,
    config: 1,
    epoch: { n: 1, by: '' },
    owner,
    begun: true,
    policy: 'manual',
    armed: false,
    replica: { mode: 'sync', state: 'none', point: null, since: now },
    forced: false,
    maintenance: null,
  };
}

/** What the owner knows of its replica. `point` stays where it was unless given. */
export function withReplica(
  record: PairRecord,
  state: ReplicaRecord['state'],
  now: number,
  point: number | null = record.replica.point,
): PairRecord {
  return { ...record, version: record.version + 1, replica: { ...record.replica, state, point, since: now } };
}

/**
 * The standby becomes owner. `forcedBy` names the host on which a person overrode what the other side could not say;
 * it makes this epoch stronger than an unforced one of the same number.
 */
export function claimed(record: PairRecord, self: string, forcedBy: string | null, now: number): PairRecord {
  return {
    ...record,
    version: 1,
    epoch: { n: record.epoch.n + 1, by: forcedBy ?? '' },
    owner: self,
    begun: false,
    armed: false,
    forced: forcedBy !== null,
    replica: { ...record.replica, state: 'none', since: now },
  };
}

/** The owner gives the machine to the other member, which has to begin. */
export function handedOver(record: PairRecord, other: string, now: number): PairRecord {
  return { ...claimed(record, other, null, now), forced: false };
}

/** The former owner takes back what the other has not begun. */
export function takenBack(record: PairRecord, self: string, now: number): PairRecord {
  return handedOver(record, self, now);
}

/** The owner is about to run the guest's first instruction; its export is closed. */
export function begun(record: PairRecord): PairRecord {
  return { ...record, version: record.version + 1, begun: true };
}
