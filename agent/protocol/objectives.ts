import * as v from 'valibot';
import { HostId } from './host.ts';
import type { Problem } from './problem.ts';

/**
 * What a pair is meant to keep: recovery point objective, s of acknowledged writes that a failure may cost at most (0: none),
 * and recovery time objective, s until the machine answers again. Null: no target.
 */
export const Objectives = v.object({
  rpoS: v.nullable(v.pipe(v.number(), v.integer())),
  rtoS: v.nullable(v.pipe(v.number(), v.integer())),
});
export type Objectives = v.InferOutput<typeof Objectives>;
export const NO_OBJECTIVES: Objectives = { rpoS: null, rtoS: null };
const WEEK_S = 7 * 86_400;
export const RPO_TARGET_S = { least: 0, most: WEEK_S } as const;
export const RTO_TARGET_S = { least: 1, most: WEEK_S } as const;
/** From this share of a target on, what is measured is about to miss it. */
export const NEAR = 0.8;

/**
 * What a failure of the owner's host would cost, as its agent sees it.
 * `nothing`: every acknowledged write is on the copy. `since`: the copy can be started and has everything until `wholeUntil`.
 * `no-copy`: there is none that could be started. `unknown`: nobody here can say.
 */
export const AtRisk = v.object({
  kind: v.picklist(['nothing', 'since', 'no-copy', 'unknown']),
  /** Wall clock of the owner (ms); only with `since`. */
  wholeUntil: v.nullable(v.number()),
  /** Wall clock (ms) since which the machine stands still and writes nothing more; null while it runs. */
  stillSince: v.nullable(v.number()),
  /** Written since, bytes in whole grains; null when not known. */
  bytes: v.nullable(v.number()),
  /** Wall clock (ms) of this look. */
  at: v.number(),
});
export type AtRisk = v.InferOutput<typeof AtRisk>;

/** Seconds of acknowledged writes that a failure at `now` (owner's wall clock, ms) would cost; null: all of them, or not known. */
export function secondsAtRisk({ kind, wholeUntil, stillSince }: AtRisk, now: number): number | null {
  if (kind === 'nothing') return 0;
  if (kind !== 'since' || wholeUntil === null) return null;
  return Math.max(0, Math.min(now, stillSince ?? now) - wholeUntil) / 1000;
}

/** The worst of one minute, or of one hour. A time of which there is none was not watched, or the machine ran elsewhere. */
export const RiskSample = v.object({
  /** Its beginning, wall clock (ms). */
  at: v.number(),
  /** Null: there was no copy that could have been started. */
  seconds: v.nullable(v.number()),
  /** Null: not known. */
  bytes: v.nullable(v.number()),
});
export type RiskSample = v.InferOutput<typeof RiskSample>;

/** How long it took until a machine, or its copy on trial, answered. */
export const RtoMeasure = v.object({
  source: v.picklist(['drill', 'failover', 'takeover', 'switchover']),
  /** Wall clock (ms) of its end. */
  at: v.number(),
  host: HostId,
  /** From the order, or from the last word of the lost host (`takeover`), until `until`, ms. */
  ms: v.number(),
  /** `answer`: its check or its guest agent answered. `running`: its process ran; whether it answered nobody measured. */
  until: v.picklist(['answer', 'running']),
});
export type RtoMeasure = v.InferOutput<typeof RtoMeasure>;

/** What one member knows of a pair's cost of a failure. */
export const RiskStatus = v.object({
  /** Null on a host that does not own the machine. */
  atRisk: v.nullable(AtRisk),
  /** Made on this host, newest first. */
  measures: v.array(RtoMeasure),
});
export type RiskStatus = v.InferOutput<typeof RiskStatus>;

/** Minutes of the last day and hours of the last 90 days in which this host owned the machine, oldest first. */
export const RiskHistory = v.object({
  minutes: v.array(RiskSample),
  hours: v.array(RiskSample),
  measures: v.array(RtoMeasure),
});
export type RiskHistory = v.InferOutput<typeof RiskHistory>;

/** How what is measured stands to its target. `unmeasured`: nobody can say. */
export type Standing = 'no-target' | 'unmeasured' | 'met' | 'near' | 'missed';

export function rpoStanding({ rpoS }: Objectives, atRisk: AtRisk | null, now: number): Standing {
  if (rpoS === null) return 'no-target';
  if (atRisk === null || atRisk.kind === 'unknown') return 'unmeasured';
  return standing(secondsAtRisk(atRisk, now) ?? Number.POSITIVE_INFINITY, rpoS);
}

/** `maxAgeMs`: an older measure says nothing of the present. */
export function rtoStanding(
  { rtoS }: Objectives,
  measure: RtoMeasure | null,
  maxAgeMs: number,
  now: number,
): Standing {
  if (rtoS === null) return 'no-target';
  if (measure === null || now - measure.at > maxAgeMs) return 'unmeasured';
  return standing(measure.ms / 1000, rtoS);
}

function standing(seconds: number, targetS: number): Standing {
  if (seconds > targetS) return 'missed';
  return targetS > 0 && seconds > targetS * NEAR ? 'near' : 'met';
}

/** What targets cannot be; null when they can. The same words at the console and at the agent. */
export function objectivesProblem({ rpoS, rtoS }: Objectives): Problem | null {
  if (rpoS !== null && (rpoS < RPO_TARGET_S.least || rpoS > RPO_TARGET_S.most))
    return {
      kind: 'rpo-target-out-of-range',
      message: 'What a failure may cost is between nothing (0 s) and a week.',
      next: 'Choose a time between them, or no target.',
      field: 'rpoS',
    };
  if (rtoS !== null && (rtoS < RTO_TARGET_S.least || rtoS > RTO_TARGET_S.most))
    return {
      kind: 'rto-target-out-of-range',
      message: 'How long a machine may be away is between a second and a week.',
      next: 'Choose a time between them, or no target.',
      field: 'rtoS',
    };
  return null;
}
