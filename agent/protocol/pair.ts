import * as v from 'valibot';
import { HostId, VmUuid } from './host.ts';
import { Problem } from './problem.ts';

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

/** What is known of the replica. `point` is the wall-clock time (ms) of its newest acknowledged content. */
export const ReplicaRecord = v.object({
  mode: v.picklist(['sync']),
  state: v.picklist(['in-sync', 'catching-up', 'stale', 'none']),
  point: v.nullable(v.number()),
  /** Wall clock (ms) since which `state` holds. */
  since: v.number(),
});
export type ReplicaRecord = v.InferOutput<typeof ReplicaRecord>;

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
  maintenance: v.nullable(v.object({ until: v.number() })),
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
  config: v.pipe(v.number(), v.integer(), v.minValue(1)),
  workload: Workload,
  members: v.tuple([HostId, HostId]),
  disks: v.array(PairDisk),
  /** The guest's libvirt definition (domain XML, inactive, security info), by host id: paths differ. */
  definitions: v.record(v.string(), v.string()),
  /** Autostart as it was before protection, put back when it ends. */
  autostartBefore: v.boolean(),
  createdAt: v.number(),
});
export type PairSpec = v.InferOutput<typeof PairSpec>;

/** What one member sees of its own copy. */
export const LocalCopy = v.variant('kind', [
  /** Owner: the guest may run here. `vm` says whether it does. */
  v.object({
    kind: v.literal('primary'),
    vm: v.picklist(['running', 'paused', 'stopped']),
    /** False: the machine was undefined here by hand. */
    defined: v.optional(v.literal(false)),
  }),
  /** Standby: replica kept, exports open or closed. */
  v.object({ kind: v.literal('standby'), exports: v.picklist(['open', 'closed']) }),
  /** Owner by its own record, but it may have been superseded and cannot ask: starts nothing. */
  v.object({ kind: v.literal('waiting'), since: v.number(), reason: v.string() }),
  /** Superseded: the old copy is set aside until a person decides. */
  v.object({ kind: v.literal('quarantined'), since: v.number(), supersededBy: Epoch, ownEpoch: Epoch }),
]);
export type LocalCopy = v.InferOutput<typeof LocalCopy>;

/** The replication link as the owner sees it. */
export const MirrorStatus = v.object({
  state: v.picklist(['off', 'connecting', 'copying', 'in-sync', 'held', 'broken']),
  /** Bytes of the running copy, over all disks. */
  doneBytes: v.number(),
  totalBytes: v.number(),
  /** Bytes per second, smoothed over the last seconds. */
  rateBps: v.number(),
  /** Wall clock (ms) since which `state` holds. */
  since: v.number(),
  problem: v.nullable(Problem),
});
export type MirrorStatus = v.InferOutput<typeof MirrorStatus>;

/** What one agent tells of one pair. The console joins both members' views. */
export const PairStatus = v.object({
  spec: PairSpec,
  record: PairRecord,
  local: LocalCopy,
  /** Only the owner has one. */
  mirror: v.nullable(MirrorStatus),
  /** The other member, as this one sees it. */
  peer: v.object({
    hostId: HostId,
    reachable: v.boolean(),
    /** Wall clock (ms) of the last answer or of the last change of `reachable`. */
    since: v.number(),
  }),
});
export type PairStatus = v.InferOutput<typeof PairStatus>;

/** Negative when `a` is older than `b`. */
export function compareEpoch(a: Epoch, b: Epoch): number {
  if (a.n !== b.n) return a.n - b.n;
  return a.by < b.by ? -1 : a.by > b.by ? 1 : 0;
}

/** Negative when `a` is older than `b`: epoch first, then version. */
export function compareRecord(a: PairRecord, b: PairRecord): number {
  return compareEpoch(a.epoch, b.epoch) || a.version - b.version;
}
