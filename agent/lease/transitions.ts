import type { DrillRecord, Profile, RecordMode, ReplicaRecord } from '../protocol/index.ts';
import { countsAsWhole, isAutomatic, mayArm, noSuccession } from '../protocol/succession.ts';
import { type LeaseRecord, NO_EPOCH, otherMember } from './record.ts';
import type { Rules } from './rules.ts';

// What the record alone decides is known to the console too: it says beforehand what would happen.
export {
  countsAsWhole,
  isAutomatic,
  isTriedOut,
  mayArm,
  noSuccession,
  notTheCopy,
} from '../protocol/succession.ts';

/** Why a swap was not made; `reason` is stable and for programs. */
export interface Refusal {
  refused: string;
}
export type Change = (record: LeaseRecord) => LeaseRecord | Refusal;

export const isRefusal = (value: LeaseRecord | Refusal): value is Refusal => 'refused' in value;
const no = (refused: string): Refusal => ({ refused });
const next = (record: LeaseRecord, change: Partial<LeaseRecord>): LeaseRecord => ({
  ...record,
  ...change,
  version: record.version + 1,
});
const replicaOf = (record: LeaseRecord, state: ReplicaRecord['state'], wall: number): ReplicaRecord => ({
  ...record.replica,
  state,
  since: wall,
});

export interface Founding {
  pairId: string;
  members: [string, string];
  voters: string[];
  owner: string;
  wall: number;
  profile?: Profile;
  /** Left out: synchronously. */
  mode?: RecordMode;
  /** Left out: as a record older than drills. */
  drill?: DrillRecord;
}

export function createRecord(given: Founding): LeaseRecord {
  return {
    pairId: given.pairId,
    version: 1,
    config: 1,
    epoch: { ...NO_EPOCH, n: 1 },
    owner: given.owner,
    begun: true,
    policy: 'manual',
    armed: false,
    replica: { mode: given.mode ?? 'sync', state: 'none', point: null, since: given.wall },
    forced: false,
    maintenance: null,
    members: given.members,
    voters: given.voters,
    change: 'created',
    former: null,
    paused: false,
    profile: given.profile ?? 'balanced',
    ...(given.drill === undefined ? {} : { drill: given.drill }),
  };
}

/** Every swap of a member holds only in the epoch it was decided in. */
const inEpoch =
  (epoch: number, self: string, rules: Rules, change: Change): Change =>
  (record) =>
    rules.epochChecked && (record.epoch.n !== epoch || record.owner !== self)
      ? no('superseded')
      : change(record);

/** Owner: what it knows of its replica. Whatever is not `in-sync` also disarms: there is nothing to fail over to (R). */
export function replicaBecomes(
  epoch: number,
  self: string,
  state: ReplicaRecord['state'],
  wall: number,
  rules: Rules,
): Change {
  return inEpoch(epoch, self, rules, (record) => {
    // What is kept by points lacks whatever was written since the last: nobody may count on it as if it had everything.
    if (state === 'in-sync' && !countsAsWhole(record)) return no('mode');
    if (record.replica.state === state && (state === 'in-sync' || !record.armed)) return record;
    const armed = (state === 'in-sync' || !rules.needInSync) && record.armed;
    return next(record, { replica: replicaOf(record, state, wall), armed });
  });
}

/** Owner: from now on only under a lease. Its guard must be on already (M). */
export function arm(epoch: number, self: string, rules: Rules): Change {
  return inEpoch(epoch, self, rules, (record) => {
    if (record.armed) return record;
    if (!mayArm(record)) return no('not-armable');
    return next(record, { armed: true });
  });
}

/** One set of files, reached by both hosts: whose process is there, even one that stands still, keeps the other from starting. */
export const sharesDisks = ({ replica: { mode } }: LeaseRecord): boolean => mode === 'shared';

/** Somebody else keeps the copy: nothing is copied to it from here. */
export const isAttended = ({ replica: { mode } }: LeaseRecord): boolean => keeper(mode) !== 'ours';

/** A replication of somebody else's makes the copy writable on the host that starts, and with that not on the other. */
export const isPromoted = ({ replica: { mode } }: LeaseRecord): boolean => keeper(mode) === 'external';

/** By whom the copy is kept: us, nobody (both reach the same), or a replication of somebody else's. */
const keeper = (mode: RecordMode): 'ours' | 'shared' | 'external' =>
  mode === 'shared' ? 'shared' : mode === 'external' || mode === 'external-sync' ? 'external' : 'ours';

export function disarm(epoch: number, self: string, rules: Rules): Change {
  return inEpoch(epoch, self, rules, (record) => (record.armed ? next(record, { armed: false }) : record));
}

/** Standby: `owner = other, begun, armed, in-sync` to `owner = me, epoch + 1, begun = false`, in one swap (M). */
export function takeOver(self: string, wall: number, rules: Rules): Change {
  return (record) => {
    if (record.owner === self && !record.begun && record.change === 'takeover') return record;
    const reason = noSuccession(record, self, rules);
    return reason === null
      ? newOwner(record, self, 'takeover', wall, rules.takeoverVoidsReplica)
      : no(reason);
  };
}

/** New owner: its export is closed, its guest's first instruction follows. */
export function begin(epoch: number, self: string, rules: Rules): Change {
  return inEpoch(epoch, self, rules, (record) =>
    record.begun ? record : next(record, { begun: true, former: null }),
  );
}

/** Former owner: nothing has run on the other side, so its own copy is complete (R). */
export function takeBack(self: string, wall: number): Change {
  return (record) => {
    if (record.owner === self) return record;
    if (record.begun || record.former !== self) return no('begun');
    return newOwner(record, self, 'take-back', wall, true);
  };
}

/** Owner: gives the guest, paused or stopped and drained, to the other member. No lease is waited for (M). */
export function handOver(epoch: number, self: string, wall: number, rules: Rules): Change {
  return inEpoch(epoch, self, rules, (record) => {
    const other = otherMember(record, self);
    if (other === null) return no('not-a-member');
    if (!record.begun) return no('not-begun');
    if (record.replica.state !== 'in-sync') return no('not-in-sync');
    return newOwner(record, other, 'hand-over', wall, true);
  });
}

/** A person overrides the majority: stronger than any ballot of the history it ends, and unarmed (R). */
export function force(record: LeaseRecord, self: string, wall: number): LeaseRecord {
  const forced = newOwner(record, self, 'forced', wall, true);
  return { ...forced, epoch: { n: record.epoch.n + 1, by: self }, forced: true, former: null };
}

function newOwner(
  record: LeaseRecord,
  owner: string,
  change: LeaseRecord['change'],
  wall: number,
  voidReplica: boolean,
): LeaseRecord {
  // Without a witness only the owner votes, so its vote goes with the ownership: in the same swap.
  const alone = record.voters.length === 1;
  return next(record, {
    epoch: { n: record.epoch.n + 1, by: '' },
    owner,
    former: record.owner,
    begun: false,
    change,
    forced: false,
    armed: voidReplica ? false : record.armed,
    replica: voidReplica ? replicaOf(record, 'none', wall) : record.replica,
    voters: alone ? [owner] : record.voters,
    config: alone ? record.config + 1 : record.config,
  });
}

export type Settings = Pick<LeaseRecord, 'policy' | 'paused' | 'maintenance' | 'profile'>;

/**
 * Operator's settings. Whatever takes automation away also disarms (R). The lease's length changes only while nothing
 * rests on it.
 */
export function settings(given: Partial<Settings>): Change {
  return (record) => {
    const changed = { ...record, ...given };
    if (record.armed && changed.profile !== record.profile) return no('armed');
    if (changed.policy !== 'manual' && !countsAsWhole(changed)) return no('mode');
    return next(changed, { armed: record.armed && isAutomatic(changed) });
  };
}

/**
 * How the copy is kept from now on. What is on the standby stays what it is: whole as of a moment, or not. A copy that is kept by
 * points is never counted on for an automatic failover, so that is switched off before, by whoever switched it on.
 */
export function setMode(epoch: number, self: string, mode: RecordMode, wall: number, rules: Rules): Change {
  return inEpoch(epoch, self, rules, (record) => {
    const { replica } = record;
    if (replica.mode === mode) return record;
    if (!record.begun) return no('not-begun');
    // Whose files they are, and who may delete them, was decided when the machine was protected.
    if (keeper(mode) !== keeper(replica.mode)) return no('keeper');
    const changed = { ...record, replica: { ...replica, mode } };
    if (!countsAsWhole(changed) && (record.armed || record.policy !== 'manual')) return no('mode');
    const since = replica.state === 'in-sync' ? { state: 'stale' as const, since: wall } : {};
    return next(record, { armed: false, replica: { ...replica, ...since, mode } });
  });
}

/** A person arms without a passed drill. What was decided first stays on record. */
export function waiveDrill(by: string, wall: number): Change {
  return (record) => {
    const { passed = null, waived = null } = record.drill ?? {};
    if (waived !== null) return record;
    return next(record, { drill: { passed, waived: { at: wall, by } } });
  };
}

/** Standby: the copy was tried out there and works. Not what a host that has become the owner meanwhile may say. */
export function drillPassed(self: string, passed: NonNullable<DrillRecord['passed']>): Change {
  return (record) => {
    if (otherMember(record, self) !== record.owner) return no('not-the-standby');
    if ((record.drill?.passed?.at ?? 0) >= passed.at) return record;
    return next(record, { drill: { waived: record.drill?.waived ?? null, passed } });
  };
}

/** Planned work is over when its end has come: by the owner's wall clock, as the operator gave it. */
export function endMaintenance(until: number): Change {
  return (record) => (record.maintenance?.until === until ? next(record, { maintenance: null }) : record);
}

/** Nothing changes; what counts is that a majority has taken it under this proposer's own ballot. */
export function confirm(epoch: number, self: string, rules: Rules): Change {
  return inEpoch(epoch, self, rules, (record) => record);
}

/**
 * The witness comes, goes or is replaced: unarmed, in the old set, members stay (R). `prepared` says that a new one has
 * fsynced the record and kept the restart silence. Lamport, Malkhi, Zhou, "Reconfiguring a State Machine" (2010), is the
 * ground; README.md says why one swap may lead from one voter to three and back.
 */
export function setWitness(witness: string | null, prepared: boolean, rules: Rules): Change {
  return (record) => {
    if (rules.voterSwapChecked) {
      if (record.armed) return no('armed');
      if (witness !== null && !prepared) return no('voter-not-prepared');
    }
    if (witness !== null && record.members.includes(witness)) return no('not-a-witness');
    const voters = witness === null ? [record.owner] : [...record.members, witness];
    if (voters.join() === record.voters.join()) return record;
    return next(record, { voters, config: record.config + 1 });
  };
}

/**
 * Another standby, which holds nothing yet: members change only while nobody but the owner votes, so that no vote of the
 * old standby is counted in the configuration that names it for the last time. Whatever was worth something lies on the
 * old one: the replica is void, and nobody may take back. README.md says why this is safe.
 */
export function setStandby(epoch: number, self: string, standby: string, wall: number, rules: Rules): Change {
  return inEpoch(epoch, self, rules, (record) => {
    if (standby === record.owner) return no('not-a-standby');
    if (record.members.includes(standby)) return record;
    if (rules.voterSwapChecked) {
      if (record.armed) return no('armed');
      if (record.voters.length > 1) return no('others-vote');
      if (!record.begun) return no('not-begun');
    }
    const [first, second] = record.members;
    return next(record, {
      members: first === record.owner ? [first, standby] : [standby, second],
      config: record.config + 1,
      former: null,
      replica: replicaOf(record, 'none', wall),
    });
  });
}
