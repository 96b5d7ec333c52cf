import * as v from 'valibot';
import { DrillResult, DrillSettings, HostId } from '../../agent/protocol/index.ts';

/** What is known of the trials of a pair's copy. */
export const DrillView = v.object({
  /** The standby now, whose copy is meant. */
  hostId: HostId,
  settings: DrillSettings,
  /**
   * `never`: none was passed, on no host. `passed`: the last one was, and says something of this copy. `stale`: one was, and
   * says nothing any more. `failed`: the last one was not passed.
   */
  state: v.picklist(['never', 'passed', 'stale', 'failed']),
  /** Why it is stale: definition, disks or check changed; too long ago; made with the copy on the other host. */
  stale: v.nullable(v.picklist(['changed', 'age', 'moved'])),
  /** Of both hosts, newest first. */
  results: v.array(DrillResult),
  /** Who decided to arm without a passed drill, and when; both null: nobody did, the pair is older than drills. */
  waived: v.nullable(v.object({ at: v.nullable(v.number()), by: v.nullable(v.string()) })),
  /** Wall clock (ms) of the next one by timetable; null without. */
  next: v.nullable(v.number()),
});
export type DrillView = v.InferOutput<typeof DrillView>;
