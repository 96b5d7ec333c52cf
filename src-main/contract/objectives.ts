import * as v from 'valibot';
import { AtRisk, HostId, Objectives, RiskSample, RtoMeasure } from '../../agent/protocol/index.ts';

/** What a failure of a pair would cost, and what it may. */
export const ObjectivesView = v.object({
  targets: Objectives,
  /** The owner's last word; null before the first. Its times are by that host's clock. */
  atRisk: v.nullable(AtRisk),
  /** The newest measured time to answer, of any member; null: none was ever measured. */
  measure: v.nullable(RtoMeasure),
  /** A measure that is older says nothing of the present, ms. */
  maxAgeMs: v.number(),
});
export type ObjectivesView = v.InferOutput<typeof ObjectivesView>;

/** A sample with the host that kept it. */
export const HostedSample = v.object({ ...RiskSample.entries, host: HostId });
export type HostedSample = v.InferOutput<typeof HostedSample>;

/** What both members have kept, oldest first. */
export const JoinedRisk = v.object({
  /** Of the last day. */
  minutes: v.array(HostedSample),
  /** Of the last 90 days: the worst of each hour. */
  hours: v.array(HostedSample),
  /** Newest first. */
  measures: v.array(RtoMeasure),
  /** Members that were not heard: what they kept is missing. */
  silent: v.array(HostId),
});
export type JoinedRisk = v.InferOutput<typeof JoinedRisk>;
