import type { HostedSample } from '../../../src-main/contract/index.ts';

export interface Period {
  /** Wall clock (ms). */
  from: number;
  to: number;
  slotMs: number;
}

/** A run of slots that look alike: x and width in share of the period, height in share of the scale. */
export interface Bar {
  x: number;
  width: number;
  height: number;
  /** There was no copy to start from. */
  noCopy: boolean;
}

export interface Chart {
  bars: Bar[];
  /** What the full height stands for, s. */
  mostS: number;
  /** Of the target, in share of the scale; null without one. */
  target: number | null;
  worstS: number;
  noCopy: number;
  /** Share of the period that was watched, 0..1. */
  watched: number;
}

/** One figure for each slot: of both hosts' the worse. */
export function slots(samples: readonly HostedSample[], { from, to }: Period): HostedSample[] {
  const kept: HostedSample[] = [];
  for (const sample of samples) {
    if (sample.at < from || sample.at >= to) continue;
    const last = kept.at(-1);
    if (last?.at !== sample.at) kept.push({ ...sample });
    else {
      last.seconds =
        last.seconds === null || sample.seconds === null ? null : Math.max(last.seconds, sample.seconds);
      last.bytes =
        last.bytes === null || sample.bytes === null
          ? (last.bytes ?? sample.bytes)
          : Math.max(last.bytes, sample.bytes);
    }
  }
  return kept;
}

/** Linear, so that twice as high is twice as much; the target is always in the picture. */
export function chartOf(samples: readonly HostedSample[], period: Period, targetS: number | null): Chart {
  const shown = slots(samples, period);
  const worstS = shown.reduce((most, { seconds }) => Math.max(most, seconds ?? 0), 0);
  const mostS = Math.max(1, worstS, targetS ?? 0) * 1.15;
  const length = period.to - period.from;
  const bars: Bar[] = [];
  for (const { at, seconds } of shown) {
    const x = (at - period.from) / length;
    const width = period.slotMs / length;
    const bar = { x, width, height: seconds === null ? 1 : seconds / mostS, noCopy: seconds === null };
    const last = bars.at(-1);
    const joins = last && Math.abs(last.x + last.width - x) < width / 2;
    if (joins && last.height === bar.height && last.noCopy === bar.noCopy) last.width = x + width - last.x;
    else bars.push(bar);
  }
  return {
    bars,
    mostS,
    target: targetS === null ? null : targetS / mostS,
    worstS,
    noCopy: shown.filter(({ seconds }) => seconds === null).length,
    watched: Math.min(1, (shown.length * period.slotMs) / length),
  };
}

/** The same for a table: the worst of each `stepMs`, newest first; times that nobody watched are left out. */
export function rowsOf(samples: readonly HostedSample[], period: Period, stepMs: number): HostedSample[] {
  const coarse = slots(samples, period).map((sample) => ({
    ...sample,
    at: Math.floor(sample.at / stepMs) * stepMs,
  }));
  return slots(coarse, { ...period, from: Number.NEGATIVE_INFINITY }).reverse();
}
