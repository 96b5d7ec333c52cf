import * as v from 'valibot';
import { HostId, VerifyResult, VerifySettings } from '../../agent/protocol/index.ts';

/** What is known of comparisons of a pair's copy with its machine. */
export const VerifyView = v.object({
  /** The standby now, whose copy is meant. */
  hostId: HostId,
  settings: VerifySettings,
  /**
   * `never`: this copy has not been compared. `alike`, `failed`: as the last time came out. `differs`: it was not the same and
   * is not counted on until it is. `repaired`: it was not the same, and has been made so since.
   */
  state: v.picklist(['never', 'alike', 'differs', 'repaired', 'failed']),
  /** Of both hosts, newest first. */
  results: v.array(VerifyResult),
  /** Wall clock (ms) of the next one by timetable; null without. */
  next: v.nullable(v.number()),
});
export type VerifyView = v.InferOutput<typeof VerifyView>;
