import type { HostEntry } from '../audit-file.ts';
import type { Outage } from '../recorder.ts';

/** What the agents write into their histories, as they write it (agent/lease, agent/pairs). */
export const EVENTS = {
  /** Somebody noticed who will act on it. */
  detected: /^(candidate|vm-stopped|guest-faulted)$/,
  /** It is settled who runs the machine, or that it is started anew here. */
  decided: /^(take-over|guest-start)$/,
  stale: /^(stale|mirror-broken)$/,
};

/** One outage, told from the last answer before it. All in seconds; null: not found in the histories. */
export interface Timeline {
  outageS: number;
  /** The fault to the moment somebody noticed, ... */
  detectS: number | null;
  /** ... from there to the decision, ... */
  decideS: number | null;
  /** ... from there to QEMU's start, ... */
  startS: number | null;
  /** ... and from there to the first answer. */
  answerS: number | null;
  /** QEMU's start to the first answer, whatever else is known. */
  vmStartS: number | null;
  haPartS: number | null;
}

const seconds = (from: number | undefined, to: number | undefined): number | null =>
  from === undefined || to === undefined ? null : (to - from) / 1000;

/** `startedAt`: when the QEMU that answers now began; undefined when none was started. */
export function timeline(gap: Outage, startedAt: number | undefined, entries: HostEntry[]): Timeline {
  const during = entries.filter(({ at }) => at >= gap.from && at <= gap.to);
  const upTo = during.filter(({ at }) => startedAt === undefined || at <= startedAt + 100);
  const detected = upTo.find(({ event }) => EVENTS.detected.test(event) || EVENTS.decided.test(event))?.at;
  const decided = upTo.find(({ event, at }) => EVENTS.decided.test(event) && at >= (detected ?? 0))?.at;
  const vmStartS = seconds(startedAt, gap.to);
  return {
    outageS: gap.seconds,
    detectS: seconds(gap.from, detected),
    decideS: seconds(detected, decided),
    startS: seconds(decided, startedAt),
    answerS: vmStartS,
    vmStartS,
    haPartS: vmStartS === null ? null : gap.seconds - vmStartS,
  };
}
