import * as v from 'valibot';
import { PairId, Problem } from '../../protocol/index.ts';

/** One line of JSON each way; a longer one is malformed. */
export const MAX_LINE_BYTES = 64 * 1024;

export const DiskName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,32}$/));

const ExportInfoSchema = v.object({
  sizeBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  flags: v.pipe(v.number(), v.integer()),
  blockSize: v.object({ minimum: v.number(), preferred: v.number(), maximum: v.number() }),
});

/** One disk of a guest: the socket QEMU's mirror writes to, and the export behind it. */
export const DiskOrder = v.object({
  name: DiskName,
  /** Unix socket, absolute; sun_path holds 107 bytes (unix(7)). */
  socket: v.pipe(v.string(), v.startsWith('/'), v.maxBytes(107)),
  exportName: v.pipe(v.string(), v.maxBytes(255)),
});
export type DiskOrder = v.InferOutput<typeof DiskOrder>;

/** All disks of one guest. They break together: a copy with one disk newer than the other is no copy. */
/** How long a write may wait for the standby before the group is held, ms; null: as long as it takes. */
const PatienceMs = v.nullable(v.pipe(v.number(), v.minValue(20), v.maxValue(600_000)));

export const GroupOrder = v.object({
  group: PairId,
  remote: v.object({ host: v.string(), port: v.pipe(v.number(), v.integer()), serverName: v.string() }),
  /** Scratch export for the heartbeat. */
  heartbeat: v.pipe(v.string(), v.maxBytes(255)),
  /** How long the standby may stay silent before writes are held, ms. */
  deadlineMs: v.pipe(v.number(), v.minValue(50), v.maxValue(600_000)),
  patienceMs: v.optional(PatienceMs),
  disks: v.pipe(v.array(DiskOrder), v.minLength(1), v.maxLength(64)),
});
export type GroupOrder = v.InferOutput<typeof GroupOrder>;

export const HoldReason = v.object({
  kind: v.picklist([
    'heartbeat-late',
    'heartbeat-error',
    'connection-lost',
    'remote-error',
    'request-late',
    'too-slow',
    'qemu-gone',
    'qemu-malformed',
    'restarted',
    'ordered',
  ]),
  /** Disk concerned; empty when all are. */
  disk: v.string(),
  detail: v.string(),
  /** NBD error number the standby answered; 0 when it answered none. */
  errno: v.number(),
});
export type HoldReason = v.InferOutput<typeof HoldReason>;

export const LinkState = v.picklist(['up', 'held', 'released', 'ended']);
export type LinkState = v.InferOutput<typeof LinkState>;

export const GroupStatus = v.object({
  group: PairId,
  state: LinkState,
  /** Why it is or was held; null while it never was. */
  reason: v.nullable(HoldReason),
  /** With state `ended`: QEMU took its leave of every disk with nothing unanswered and nothing held. */
  clean: v.boolean(),
  disks: v.array(
    v.object({ name: v.string(), state: LinkState, attached: v.boolean(), outstanding: v.number() }),
  ),
});
export type GroupStatus = v.InferOutput<typeof GroupStatus>;

/** What a restarted forwarder needs to serve QEMU while the standby is gone. */
export const SavedGroup = v.object({
  order: GroupOrder,
  released: v.boolean(),
  disks: v.array(
    v.object({ name: DiskName, ended: v.boolean(), clean: v.boolean(), info: ExportInfoSchema }),
  ),
});
export type SavedGroup = v.InferOutput<typeof SavedGroup>;

/** A disk whose stream is lost: enough to answer QEMU's writes with errors. */
const LostDisk = v.object({ ...DiskOrder.entries, sizeBytes: v.pipe(v.number(), v.safeInteger()) });
export type LostDisk = v.InferOutput<typeof LostDisk>;

const id = v.pipe(v.number(), v.integer());
export const ControlRequest = v.variant('c', [
  v.object({ id, c: v.literal('status') }),
  /** Connects to the standby, then listens for QEMU. */
  v.object({ id, c: v.literal('open'), order: GroupOrder }),
  v.object({ id, c: v.literal('hold'), group: PairId }),
  /** Connects a held group anew; QEMU sends again what was unanswered. */
  v.object({ id, c: v.literal('resume'), group: PairId }),
  /**
   * Lets the guest go on without the standby. Only after `stale` is durable. `disks` serves QEMU even if the
   * stream is not known any more (its saved state was lost): the guest would hang for good otherwise.
   */
  v.object({ id, c: v.literal('release'), group: PairId, disks: v.optional(v.array(LostDisk)) }),
  v.object({
    id,
    c: v.literal('deadline'),
    group: PairId,
    deadlineMs: v.pipe(v.number(), v.minValue(50)),
    /** Left out: as before. */
    patienceMs: v.optional(PatienceMs),
  }),
  v.object({ id, c: v.literal('close'), group: PairId }),
]);
export type ControlRequest = v.InferOutput<typeof ControlRequest>;

export const ControlMessage = v.union([
  v.object({ id, ok: v.literal(true), groups: v.array(GroupStatus) }),
  v.object({ id, ok: v.literal(false), problem: Problem }),
  v.object({ event: v.literal('group'), status: GroupStatus }),
]);
export type ControlMessage = v.InferOutput<typeof ControlMessage>;
