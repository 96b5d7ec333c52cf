import * as v from 'valibot';
import { Check } from './check.ts';
import { ExternalCommands, ExternalState } from './coordinated.ts';
import { HostId, VmState, VmUuid } from './host.ts';
import { method, nothing } from './method.ts';
import { RestorePoint } from './mode.ts';
import { PairId, PairRecord, PairSpec } from './pair.ts';
import { Channel, Letter, Sent, StoredTelling, ToldNote } from './telling.ts';
import { Versioned } from './vote.ts';

/** Enough of a guest for the standby to judge whether it could run it. */
export const GuestNeeds = v.object({
  vmUuid: VmUuid,
  name: v.string(),
  /** Domain XML as on the source. */
  definition: v.string(),
  disks: v.array(
    v.object({
      target: v.string(),
      path: v.string(),
      sizeBytes: v.number(),
      format: v.string(),
      /** What the image takes on the source's file system, when known: sparse images need less than their size. */
      allocatedBytes: v.optional(v.number()),
    }),
  ),
  /** Left out: ours. `elsewhere`: nothing is copied; its disks lie at the same paths here. */
  copy: v.optional(v.picklist(['ours', 'elsewhere']), 'ours'),
});
export type GuestNeeds = v.InferOutput<typeof GuestNeeds>;

/** Names one attempt to move a guest. */
export const MoveToken = v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/));

/** Where the standby's storage daemon offers the replica's disks. */
export const ExportAddress = v.object({
  port: v.number(),
  /** Name in the server's certificate. */
  serverName: v.string(),
  /** NBD export name by disk target. */
  exports: v.record(v.string(), v.string()),
  /** NBD export of the scratch image, for the heartbeat. */
  heartbeat: v.string(),
  /** The standby's name and its images by disk target, for messages about them. */
  host: v.optional(v.string()),
  paths: v.optional(v.record(v.string(), v.string())),
  /** After a comparison: NBD export of the standby's digests by disk target, one a chunk (agent/replication/copier). */
  digests: v.optional(v.record(v.string(), v.string())),
});
export type ExportAddress = v.InferOutput<typeof ExportAddress>;

/** What one agent may ask of another (JSON-RPC 2.0 over mutual TLS). */
export const peerApi = {
  'peer.hello': method(
    v.object({ hostId: HostId, bootId: v.string() }),
    v.object({ hostId: HostId, bootId: v.string(), version: v.string() }),
    2_000,
  ),
  /** The record and spec as the other member holds them; null when it knows no such pair. */
  'record.read': method(
    v.object({ pairId: PairId }),
    v.object({
      record: v.nullable(PairRecord),
      spec: v.nullable(PairSpec),
      /** Its copy is set aside and waits for a person. */ quarantined: v.boolean(),
      /** Of a copy that is half-made: what could be started all the same, null when nothing. Left out of one that is whole. */
      startable: v.optional(v.nullable(v.object({ wholeUntil: v.nullable(v.number()) }))),
    }),
    2_000,
  ),
  /** Offers the pair's description; the receiver keeps the one of the higher revision, also when it had lost it. */
  'spec.offer': method(v.object({ spec: PairSpec, chosen: v.nullable(Versioned) }), nothing, 5_000),
  /**
   * Shows the receiver a chosen record; it keeps the newer one. Makes a voter of one that had none: then it is on disk
   * before the answer, and unless the pair is brand-new the restart silence has passed too. `current`: it holds this
   * record or a newer one.
   */
  'record.keep': method(
    v.object({
      chosen: Versioned,
      brandNew: v.boolean(),
      /** For a member of the pair. */ spec: v.nullable(PairSpec),
    }),
    v.object({ current: v.boolean() }),
    60_000,
  ),
  /** State of the guest on the asked host, straight from its hypervisor. */
  'vm.state': method(
    v.object({ vmUuid: VmUuid }),
    v.object({
      state: v.nullable(VmState),
      /** Addresses it is known by there; left out by an older agent. */
      addresses: v.optional(v.array(v.string())),
    }),
    5_000,
  ),
  'standby.check': method(
    GuestNeeds,
    v.object({
      checks: v.array(Check),
      /** Proposed image path by disk target. */ paths: v.record(v.string(), v.string()),
    }),
    20_000,
  ),
  'standby.fix': method(v.object({ vmUuid: VmUuid, fix: v.string() }), nothing, 60_000),
  /** Creates empty images (setting aside what lies there when it is this pair's own old copy) and offers them. Idempotent. */
  'standby.prepare': method(
    v.object({
      spec: PairSpec,
      /** The newest record the owner knows. */ chosen: Versioned,
      /** True only by a person's order: a quarantined copy is set aside for good. */ overQuarantine:
        v.boolean(),
      /** Absent from an owner that copies everything. */
      ways: v.optional(
        v.object({
          /** Generation to which the owner knows the distance; null when it would have to be compared. */
          changes: v.nullable(v.string()),
          /** That distance, bytes. */
          changedBytes: v.nullable(v.number()),
          /** Name for what comes of a comparison or a full copy. */
          generation: v.string(),
          /** Until when this copy has everything, as far as the owner knows: wall clock, ms. */
          wholeUntil: v.nullable(v.number()),
        }),
      ),
    }),
    v.object({ ...ExportAddress.entries, way: v.optional(v.picklist(['full', 'changes', 'compare'])) }),
    60_000,
  ),
  /** The host stands by with a copy that somebody else keeps: no file is touched. Idempotent, also while the pair is armed. */
  'standby.attend': method(
    v.object({
      spec: PairSpec,
      chosen: Versioned,
      /** True only by a person's order. */ overQuarantine: v.boolean(),
    }),
    nothing,
    60_000,
  ),
  /** What the asked host sees of images that both are to reach, by target. Of no pair: asked before there is one, too. */
  'shared.see': method(
    v.object({
      disks: v.pipe(v.array(v.object({ target: v.string(), path: v.string() })), v.maxLength(64)),
      locks: v.boolean(),
    }),
    v.object({
      images: v.record(
        v.string(),
        v.object({
          id: v.nullable(v.string()),
          token: v.nullable(v.string()),
          writable: v.boolean(),
          lock: v.picklist(['locked', 'free', 'unknown', 'not-asked']),
        }),
      ),
    }),
    12_000,
  ),
  /** What an external replication says on the asked host. */
  'external.state': method(v.object({ pairId: PairId }), ExternalState, 15_000),
  /** Whether the asked host could run these commands. Runs nothing. */
  'external.check': method(v.object({ commands: ExternalCommands }), nothing, 5_000),
  /** Why the receiver could not take in a running guest; empty when it could. Sentences for a person. */
  'move.check': method(v.object({ pairId: PairId }), v.object({ hindrances: v.array(v.string()) }), 5_000),
  /**
   * Owner to standby: a process for the guest's memory, which follows as a stream with the topic `memory PAIR TOKEN`.
   * Only under the owner's own epoch, in sync. What came before is dropped.
   */
  'move.receive': method(
    v.object({
      pairId: PairId,
      token: MoveToken,
      epoch: v.number(),
      /** agent/hypervisor/migration.ts, with the receiver's own paths. */
      guest: v.object({ definition: v.string(), cookie: v.string() }),
    }),
    nothing,
    90_000,
  ),
  /** Owner to standby: its mirror has ended, so the copy may be closed already. */
  'move.drained': method(v.object({ pairId: PairId, token: MoveToken }), nothing, 5_000),
  /** Owner to standby: nothing comes of it. */
  'move.refuse': method(v.object({ pairId: PairId, token: MoveToken }), nothing, 30_000),
  /** New owner to former one: it cannot begin. `returns`: the guest is still there, and is taken back at once. */
  'move.return': method(v.object({ pairId: PairId }), v.object({ returns: v.boolean() }), 1_000),
  /** How far the standby is with its side of the comparison begun by `standby.prepare`; its offers once it is done. */
  'standby.compare': method(
    v.object({ pairId: PairId }),
    v.object({ doneBytes: v.number(), totalBytes: v.number(), remote: v.nullable(ExportAddress) }),
    60_000,
  ),
  /** Restore points of the pair on the asked host, oldest first. */
  'points.list': method(v.object({ pairId: PairId }), v.object({ points: v.array(RestorePoint) }), 5_000),
  /**
   * The host stands by with a copy that is kept by points: a new layer over the newest one is offered, a half-made one thrown
   * away. What was mirrored there until now becomes the first point. `newest`: the point the layer lies on.
   */
  'points.begin': method(
    v.object({
      spec: PairSpec,
      chosen: Versioned,
      /** True only by a person's order: a quarantined copy is set aside for good. */ overQuarantine:
        v.boolean(),
    }),
    v.object({
      remote: ExportAddress,
      newest: v.nullable(RestorePoint),
      /** There is no point yet, but an old disk under the layer: what differs from it is enough. */
      oldDisk: v.optional(v.boolean(), false),
    }),
    60_000,
  ),
  /** Begins to read the newest point for a comparison; its offers once that is done. */
  'points.compare': method(
    v.object({ pairId: PairId }),
    v.object({ remote: v.nullable(ExportAddress) }),
    60_000,
  ),
  /** The layer on offer is a point from now on. */
  'points.seal': method(v.object({ pairId: PairId, point: RestorePoint }), nothing, 60_000),
  /** The standby begins to read its open replica, for the owner to compare. Anew when it had begun already. */
  'standby.verify': method(v.object({ pairId: PairId }), nothing, 30_000),
  /** How far that is; its offers once it is done. */
  'standby.verified': method(
    v.object({ pairId: PairId }),
    v.object({ doneBytes: v.number(), totalBytes: v.number(), remote: v.nullable(ExportAddress) }),
    30_000,
  ),
  /** Nothing of it is wanted any more: what is read ends, what came of it goes. The replica stays open. Idempotent. */
  'standby.verifyEnd': method(v.object({ pairId: PairId }), nothing, 30_000),
  /**
   * The other member goes back to its old copy: the owner shuts its machine down and does not start it again by itself, or
   * (`false`) starts it after all. Answers once that was begun; `vm.state` tells when it is down.
   */
  'owner.yield': method(v.object({ pairId: PairId, epoch: v.number(), down: v.boolean() }), nothing, 30_000),
  /** Standby to owner: somebody else has been at the copy there (`text`). It does not count as whole until it was compared. */
  'copy.touched': method(v.object({ pairId: PairId, text: v.string() }), nothing, 30_000),
  /** How the fleet tells people; the receiver keeps the newer one. */
  'telling.offer': method(v.object({ stored: StoredTelling }), nothing, 10_000),
  /** What the caller told people: the receiver need not tell it too. */
  'telling.told': method(
    v.object({ by: HostId, notes: v.pipe(v.array(ToldNote), v.maxLength(2000)) }),
    nothing,
    10_000,
  ),
  /** The caller cannot bring this out itself: the receiver does, by the same settings. */
  'telling.relay': method(v.object({ letter: Letter, channel: Channel }), Sent, 45_000),
  /** The pair ended: closes the exports in order and forgets it, replica and vote included. */
  'pair.forget': method(v.object({ pairId: PairId }), nothing, 60_000),
} as const;
export type PeerApi = typeof peerApi;
