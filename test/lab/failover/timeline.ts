import type { HostEntry } from '../audit-file.ts';
import type { Outage } from '../recorder.ts';

/** What the agents write into their history, as they write it. */
export const EVENTS = {
  /** Somebody noticed. */
  detected: /lease-lost|lease-ran-out|owner-silent|candidate|qemu-gone|vm-gone|crashed|vm-stopped|paused/,
  /** It is settled who runs the machine, or that it is started anew here. */
  decided: /takeover|taken-over|took-over|take-over|restart|start-decided|begun/,
  stale: /stale|mirror-broken|mirror-lost/,
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
