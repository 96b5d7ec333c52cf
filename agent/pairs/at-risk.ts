import type { AtRisk, AttendedStatus, FollowStatus, PairRecord, RecordMode } from '../protocol/index.ts';

/** What the standby says it could start, while its copy is written over in disorder. */
export type Startable = { wholeUntil: number | null } | null;

/** Everything from which it follows what a failure would cost. Wall clocks of the owner, ms. */
export interface RiskInput {
  mode: RecordMode;
  replica: PairRecord['replica'];
  /** Until then the copy is known to have been whole, though it is no more; null when it never was. */
  whole: number | null;
  follow: FollowStatus | null;
  /** The last look at a copy that somebody else keeps. */
  attended: AttendedStatus | null;
  /** Written since, by the guest's own bitmaps; null when not known. */
  behindBytes: number | null;
  /** The standby's word on its half-made copy: null when nothing there can be started; undefined when it gave none. */
  startable: Startable | undefined;
  /** Since when the machine stands still; null while it runs. */
  stillSince: number | null;
  now: number;
}

type Found = Pick<AtRisk, 'kind' | 'wholeUntil' | 'bytes'>;
type Rule = (input: RiskInput) => Found;

const NOTHING: Found = { kind: 'nothing', wholeUntil: null, bytes: 0 };
const NO_COPY: Found = { kind: 'no-copy', wholeUntil: null, bytes: null };
const UNKNOWN: Found = { kind: 'unknown', wholeUntil: null, bytes: null };
const since = (wholeUntil: number | null, bytes: number | null): Found =>
  wholeUntil === null ? NO_COPY : { kind: 'since', wholeUntil, bytes };

/**
 * While in sync nothing is lost, held writes included: they are not acknowledged. Afterwards everything since *stale* was
 * recorded, which is before the first write that only the owner has.
 */
const mirrored: Rule = ({ replica, whole, behindBytes, startable }) => {
  if (replica.state === 'in-sync') return NOTHING;
  if (replica.state === 'none') return NO_COPY;
  const until = whole ?? (replica.state === 'stale' ? replica.since : null);
  // Half-made: only what the standby has kept of before counts.
  if (startable === undefined) return since(until, behindBytes);
  return startable === null ? NO_COPY : since(startable.wholeUntil ?? until, behindBytes);
};

/** Points are whole or nothing: what is on the standby is its newest one. */
const byPoints: Rule = ({ replica, follow, whole }) => {
  if (replica.state === 'none' && !follow?.point) return NO_COPY;
  return since(follow?.wholeUntil ?? whole, follow?.behindBytes ?? null);
};

/** There is one set of disks: nothing that was written is lost with a host, and nothing can be started that does not reach them. */
const shared: Rule = ({ replica }) => (replica.state === 'in-sync' ? NOTHING : NO_COPY);

/** The word of who keeps it, and never better: what it does not say is counted from the last time it had everything. */
const external: Rule = ({ replica, attended }) => {
  if (replica.state === 'in-sync') return NOTHING;
  if (attended === null) return UNKNOWN;
  const { at, wholeAt, behindS, behindBytes } = attended;
  return since(at !== null && behindS !== null ? at - behindS * 1000 : wholeAt, behindBytes);
};

const RULES: Record<RecordMode, Rule> = {
  sync: mirrored,
  interval: byPoints,
  async: byPoints,
  shared,
  external,
  'external-sync': external,
};

/** What a failure at this moment would cost. Pure. */
export function atRisk(input: RiskInput): AtRisk {
  const found = RULES[input.mode](input);
  const { stillSince, now } = input;
  return { ...found, stillSince: found.kind === 'since' ? stillSince : null, at: now };
}
