import * as v from 'valibot';
import {
  AttendedStatus,
  FollowStatus,
  Problem,
  ReplicationMode,
  RestorePoint,
} from '../../agent/protocol/index.ts';

/** How a pair's copy is kept, and how far it is behind. */
export const ReplicationView = v.object({
  mode: ReplicationMode,
  /** The owner's last word of a copy that is kept by points; null for a mirrored one, and before the first word. */
  follow: v.nullable(FollowStatus),
  /** The newest point that any member told of; null without one. */
  point: v.nullable(RestorePoint),
  /** Those on the standby that can be started, oldest first. */
  points: v.array(RestorePoint),
  /** The owner's last word of a copy that somebody else keeps, and what is wrong with it; null of any other. */
  attended: v.optional(v.nullable(AttendedStatus)),
  problem: v.optional(v.nullable(Problem)),
});
export type ReplicationView = v.InferOutput<typeof ReplicationView>;
