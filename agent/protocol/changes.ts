import * as v from 'valibot';
import { Problem } from './problem.ts';

/** What of a protected machine may have become another behind the agents' back, by another tool or by hand. */
export const ChangeKind = v.picklist([
  'name',
  'memory',
  'vcpus',
  'nic',
  'drive',
  'definition',
  'disk-added',
  'disk-removed',
  'disk-grown',
  'disk-shrunk',
  'disk-moved',
  'disk-replaced',
  /** It runs on a host that is none of the pair's, by a migration of another tool. */
  'moved-away',
]);
export type ChangeKind = v.InferOutput<typeof ChangeKind>;

export const MachineChange = v.object({
  kind: ChangeKind,
  /** Of a disk or drive: its target. */
  target: v.optional(v.string()),
  /** One sentence for a person. */
  text: v.string(),
});
export type MachineChange = v.InferOutput<typeof MachineChange>;

/** Changes that the standby does not have yet. */
export const OpenChange = v.object({
  /** Wall clock (ms) at which the first of them was noticed. */
  since: v.number(),
  changes: v.array(MachineChange),
  /** The copy lacks something of the disks: it does not count as whole until that is followed. */
  lacks: v.boolean(),
  /** What stands in the way; null while they are being followed, or wait for the machine to run. */
  ask: v.nullable(Problem),
});
export type OpenChange = v.InferOutput<typeof OpenChange>;

export const FollowedChange = v.object({
  /** Wall clock (ms) at which the standby's description had it. */
  at: v.number(),
  changes: v.array(MachineChange),
});
export type FollowedChange = v.InferOutput<typeof FollowedChange>;

/** Somebody else has been at this host's copy: it is believed again once it was compared, or a person vouches for it. */
export const TouchedCopy = v.object({ since: v.number(), text: v.string() });
export type TouchedCopy = v.InferOutput<typeof TouchedCopy>;

/** What one member knows of changes behind the agents' back. */
export const ChangesStatus = v.object({
  open: v.nullable(OpenChange),
  /** The newest first. */
  followed: v.array(FollowedChange),
  touched: v.nullable(TouchedCopy),
});
export type ChangesStatus = v.InferOutput<typeof ChangesStatus>;

const OF_DISKS: ChangeKind[] = [
  'disk-added',
  'disk-removed',
  'disk-grown',
  'disk-shrunk',
  'disk-moved',
  'disk-replaced',
  'moved-away',
];
/** A copy without it is no whole copy. */
export const isOfDisks = ({ kind }: MachineChange): boolean => OF_DISKS.includes(kind);
