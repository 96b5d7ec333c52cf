import * as v from 'valibot';
import { ChangesStatus } from './changes.ts';
import { AttendedStatus, STATE_EVERY_DEFAULT_S } from './coordinated.ts';
import { DrillRecord, DrillSettings, DrillStatus } from './drill.ts';
import { HostId, VmUuid } from './host.ts';
import { FollowStatus, MODE_DEFAULTS, ReplicationMode, RestorePoint, SYNC } from './mode.ts';
import { Objectives, RiskStatus } from './objectives.ts';
import { Problem } from './problem.ts';
import { VerifySettings, VerifyStatus } from './verify.ts';

export const PairId = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/));
export type PairId = v.InferOutput<typeof PairId>;

/** What is protected. `application` and `server` are kept free for later; only `vm` is built. */
export const Workload = v.variant('kind', [
  v.object({ kind: v.literal('vm'), uuid: VmUuid, name: v.string() }),
]);
export type Workload = v.InferOutput<typeof Workload>;

/**
 * Rises at every change of owner, compared by `n` and then by `by`.
 * `by` is the host that forced the change without a majority, or '' when nobody did (docs/safety.md).
 */
export const Epoch = v.object({ n: v.pipe(v.number(), v.integer(), v.minValue(0)), by: v.string() });
export type Epoch = v.InferOutput<typeof Epoch>;

/**
 * What is known of the replica. `point` is the wall-clock time (ms) of its newest acknowledged content. A copy that is kept by
 * points (`mode` other than `sync`) is never `in-sync`: `stale` says that it has a complete one.
 */
export const ReplicaRecord = v.object({
  mode: v.picklist(['sync', 'interval', 'async', 'shared', 'external', 'external-sync']),
  state: v.picklist(['in-sync', 'catching-up', 'stale', 'none']),
  point: v.nullable(v.number()),
  /** Wall clock (ms) since which `state` holds. */
  since: v.number(),
});
export type ReplicaRecord = v.InferOutput<typeof ReplicaRecord>;
/** As the record has it: whether an external replication is synchronous is part of what everybody rests on. */
export type RecordMode = ReplicaRecord['mode'];

/** Length T of the lease: 1.5 s, 4 s, 30 s (agent/lease/timing.ts). */
export const Profile = v.picklist(['fast', 'balanced', 'patient']);
export type Profile = v.InferOutput<typeof Profile>;

/** Automation is switched off for a while: planned work. Wall clock (ms) at which it ends by itself. */
export const Maintenance = v.object({ until: v.number(), reason: v.string() });
export type Maintenance = v.InferOutput<typeof Maintenance>;

/**
 * The pair's durable truth, held by every voter, replaced only by a newer one
 * (higher epoch, then higher version). See docs/safety.md.
 */
export const PairRecord = v.object({
  pairId: PairId,
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  config: v.pipe(v.number(), v.integer(), v.minValue(1)),
  epoch: Epoch,
  owner: HostId,
  /** True once the owner has closed its export and is allowed to run the guest. */
  begun: v.boolean(),
  policy: v.picklist(['manual', 'ask', 'automatic']),
  armed: v.boolean(),
  replica: ReplicaRecord,
  /** True when a person overrode what the other side could have said. */
  forced: v.boolean(),
  maintenance: v.nullable(Maintenance),
  members: v.tuple([HostId, HostId]),
  /**
   * Who votes in configuration `config`: both members and the witness, or, without a witness, the owner alone (then
   * failover is a person's decision).
   */
  voters: v.pipe(v.array(HostId), v.minLength(1), v.maxLength(3)),
  /** How the present epoch came about; only `takeover` needs a live lease at the voters (coupling). */
  change: v.picklist(['created', 'takeover', 'hand-over', 'take-back', 'forced']),
  /** Owner before this epoch, who may take back while `begun` is false; null when nobody may. */
  former: v.nullable(HostId),
  /** *Pause all automation*, as it reaches this pair. */
  paused: v.boolean(),
  profile: Profile,
  /** Left out in a record older than drills: such a pair counts as armed without one, by its upgrade. */
  drill: v.optional(DrillRecord),
});
export type PairRecord = v.InferOutput<typeof PairRecord>;

export const PairDisk = v.object({
  target: v.string(),
  sizeBytes: v.number(),
  /** Image format on both hosts: qcow2 or raw. */
  format: v.picklist(['qcow2', 'raw']),
  /** Where the image lies, by host id. */
  paths: v.record(v.string(), v.string()),
});
export type PairDisk = v.InferOutput<typeof PairDisk>;

/** What changes only by an order of the operator; carried by both members. */
export const PairSpec = v.object({
  pairId: PairId,
  /** Rises at every change; the higher one counts. */
  revision: v.pipe(v.number(), v.integer(), v.minValue(1)),
  workload: Workload,
  members: v.tuple([HostId, HostId]),
  disks: v.array(PairDisk),
  /** The guest's libvirt definition (domain XML, inactive, security info), by host id: paths differ. */
  definitions: v.record(v.string(), v.string()),
  /** Autostart as it was before protection, put back when it ends. */
  autostartBefore: v.boolean(),
  createdAt: v.number(),
  /** Left out: `DRILL_DEFAULTS`. */
  drill: v.optional(DrillSettings),
  /** How the copy is kept. Left out: synchronously. Which kind it is counts as the record says (`replica.mode`). */
  replication: v.optional(ReplicationMode),
  /** The record says *mirrored* only because the machine is to move: `replication` counts again once it has, or stays. */
  mirroredToMove: v.optional(v.boolean()),
  /** Left out: `VERIFY_DEFAULTS`. */
  verify: v.optional(VerifySettings),
  /** Left out: no targets. */
  objectives: v.optional(Objectives),
});
export type PairSpec = v.InferOutput<typeof PairSpec>;

/** What one member sees of its own copy. */
export const LocalCopy = v.variant('kind', [
  /** Owner: the guest may run here. `vm` says whether it does; `frozen`: stopped by the guard until its right is clear. */
  v.object({
    kind: v.literal('primary'),
    vm: v.picklist(['running', 'paused', 'stopped', 'frozen']),
    /** False: the machine was undefined here by hand. */
    defined: v.optional(v.literal(false)),
  }),
  /** Standby: replica kept, exports open or closed. `unclean`: what it acknowledged from memory may be missing from it. */
  v.object({
    kind: v.literal('standby'),
    exports: v.picklist(['open', 'closed']),
    unclean: v.optional(v.literal(true)),
  }),
  /** Owner by its own record, but it may have been superseded and cannot ask: starts nothing. */
  v.object({ kind: v.literal('waiting'), since: v.number(), reason: v.string() }),
  /** Superseded: the old copy is set aside until a person decides. */
  v.object({ kind: v.literal('quarantined'), since: v.number(), supersededBy: Epoch, ownEpoch: Epoch }),
]);
export type LocalCopy = v.InferOutput<typeof LocalCopy>;

/** The replication link as the owner sees it. */
export const MirrorStatus = v.object({
  /** `following`: a copy that is kept by points, with at least one complete. */
  state: v.picklist(['off', 'connecting', 'copying', 'in-sync', 'held', 'broken', 'following']),
  /** Bytes of the running copy, over all disks. */
  doneBytes: v.number(),
  totalBytes: v.number(),
  /** Bytes per second, smoothed over the last seconds. */
  rateBps: v.number(),
  /** Wall clock (ms) since which `state` holds. */
  since: v.number(),
  problem: v.nullable(Problem),
  /** Of a copy that is kept by points. */
  follow: v.optional(FollowStatus),
  /** Of a copy that somebody else keeps. */
  attended: v.optional(AttendedStatus),
});
export type MirrorStatus = v.InferOutput<typeof MirrorStatus>;

/** One voter as another sees it. */
export const VoterView = v.object({
  hostId: HostId,
  name: v.string(),
  /** Time since its last answer to a lease or record request, ms; null: never in this life of the agent. 0 for itself. */
  heardMsAgo: v.nullable(v.number()),
  /** It holds the record that is shown here, or a newer one. */
  current: v.boolean(),
});
export type VoterView = v.InferOutput<typeof VoterView>;

/** Why a pair is not armed, or why its machine is not started: a stable kind and a sentence. */
export const Hindrance = v.object({ kind: v.string(), text: v.string() });
export type Hindrance = v.InferOutput<typeof Hindrance>;

/** The lease and what it stands on, as one member sees it. Told anew about once a second while a console looks. */
export const LeaseView = v.object({
  /** T in ms, and how long a voter honours a grant. */
  leaseMs: v.number(),
  holdMs: v.number(),
  /** Owner: what is left of its lease, ms; null without one. */
  leftMs: v.nullable(v.number()),
  /** Standby: how long its own vote is still given to the owner, ms; null when it is not. 0 or null and armed: about to step in. */
  heldMs: v.nullable(v.number()),
  /** The record was read from a majority of its voters not longer than T ago. */
  known: v.boolean(),
  voters: v.array(VoterView),
  guard: v.object({
    /** Installed, and granted what it needs. */
    fit: v.boolean(),
    /** It watches this machine's permission now. */
    on: v.boolean(),
    /** What is missing, for a person; null when fit. */
    why: v.nullable(v.string()),
  }),
  /** What stands in the way of arming; empty when armed or about to be. */
  hindrances: v.array(Hindrance),
  /** Wall clock (ms) of this view. */
  at: v.number(),
});
export type LeaseView = v.InferOutput<typeof LeaseView>;

/** What one agent tells of one pair. The console joins both members' views. */
export const PairStatus = v.object({
  spec: PairSpec,
  record: PairRecord,
  local: LocalCopy,
  /** Only the owner has one. */
  mirror: v.nullable(MirrorStatus),
  /** Images set aside on this host until a person discards them. */
  asides: v.optional(
    v.array(
      v.object({
        path: v.string(),
        /** What it takes on disk; null when not known. */ bytes: v.nullable(v.number()),
        since: v.nullable(v.number()),
        /** The present copy lies on top of it. */ under: v.boolean(),
      }),
    ),
  ),
  /** The copy here is half-made, with a whole one to go back to, which has everything until then (null: not known). */
  point: v.optional(v.nullable(v.object({ wholeUntil: v.nullable(v.number()) }))),
  /** Complete states of the copy here that can be started, oldest first; left out where none were ever made. */
  restorePoints: v.optional(v.array(RestorePoint)),
  lease: LeaseView,
  /** Left out by an agent that knows no drills. */
  drill: v.optional(DrillStatus),
  /** Left out by an agent that compares nothing. */
  verify: v.optional(VerifyStatus),
  /** Left out by an agent that does not measure what a failure costs. */
  risk: v.optional(RiskStatus),
  /** What others changed behind the agents' back; left out by an agent that does not look, and where nothing ever was. */
  changes: v.optional(ChangesStatus),
  /** The other member, as this one sees it. */
  peer: v.object({
    hostId: HostId,
    reachable: v.boolean(),
    /** Wall clock (ms) of the last answer or of the last change of `reachable`. */
    since: v.number(),
  }),
});
export type PairStatus = v.InferOutput<typeof PairStatus>;

/** How a pair's copy is kept: which kind by its record, the rest by its description, which may reach a host later. */
export function modeOf({
  record,
  spec,
}: {
  record: Pick<PairRecord, 'replica'>;
  spec: Pick<PairSpec, 'replication'>;
}): ReplicationMode {
  const { mode } = record.replica;
  if (mode === 'sync') return spec.replication?.kind === 'sync' ? spec.replication : SYNC;
  if (mode === 'shared') return { kind: 'shared' };
  if (mode === 'external' || mode === 'external-sync') {
    const told = spec.replication?.kind === 'external' ? spec.replication : null;
    const { everyS, commands } = told ?? { everyS: STATE_EVERY_DEFAULT_S, commands: {} };
    return { kind: 'external', synchronous: mode === 'external-sync', everyS, commands };
  }
  return spec.replication?.kind === mode ? spec.replication : MODE_DEFAULTS[mode];
}

export const recordMode = (mode: ReplicationMode): RecordMode =>
  mode.kind === 'external' && mode.synchronous ? 'external-sync' : mode.kind;

/** Negative when `a` is older than `b`. */
export function compareEpoch(a: Epoch, b: Epoch): number {
  if (a.n !== b.n) return a.n - b.n;
  return a.by < b.by ? -1 : a.by > b.by ? 1 : 0;
}

/** Negative when `a` is older than `b`: epoch first, then version. */
export function compareRecord(a: PairRecord, b: PairRecord): number {
  return compareEpoch(a.epoch, b.epoch) || a.version - b.version;
}
