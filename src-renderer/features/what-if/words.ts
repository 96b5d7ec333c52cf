import type { Fate, HostRoom, Outcome, WhatIf } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import type { MarkIcon, Tone } from '../../lib/pair-state.ts';
import { ago, duration, span } from '../../lib/time.ts';

const words = m.whatIf;

export const FATE_LOOKS: Record<Fate, { tone: Tone; icon: MarkIcon }> = {
  'by-itself': { tone: 'ok', icon: 'play' },
  'by-hand': { tone: 'attention', icon: 'hand' },
  down: { tone: 'danger', icon: 'cross' },
  frozen: { tone: 'danger', icon: 'snow' },
  runs: { tone: 'neutral', icon: 'check' },
};

export interface SummaryLine extends Partial<Record<'detail', string>> {
  key: string;
  tone: Tone;
  icon: MarkIcon;
  text: string;
}

const ORDER: readonly Fate[] = ['by-itself', 'by-hand', 'down', 'frozen', 'runs'];

/** What that failure would come to, a sentence each; the good news first, as a person asks for it. */
export function summary({ outcomes, rooms }: WhatIf, nameOf: (hostId: string) => string): SummaryLine[] {
  const lines = ORDER.flatMap((fate) => {
    const mine = outcomes.filter((each) => each.fate === fate);
    return mine.length === 0 ? [] : [lineOf(fate, mine, nameOf)];
  });
  const full = rooms.filter(({ tooMany }) => tooMany.length > 0);
  if (full.length > 0) lines.push(tooMuch(full, nameOf));
  const back = outcomes.filter(({ fate }) => fate === 'by-itself' || fate === 'by-hand');
  if (back.length > 0 && back.every(({ loss }) => loss.kind === 'nothing'))
    lines.push({ key: 'loss', tone: 'ok', icon: 'check', text: words.noLoss });
  return lines;
}

function lineOf(fate: Fate, mine: Outcome[], nameOf: (hostId: string) => string): SummaryLine {
  const look = { key: fate, ...FATE_LOOKS[fate] };
  if (fate !== 'by-itself') {
    const say = { 'by-hand': words.byHand, down: words.down, frozen: words.frozen, runs: words.runs }[fate];
    return { ...look, text: say(mine.length) };
  }
  const measured = mine.flatMap(({ afterMs }) => (afterMs === null ? [] : [afterMs]));
  const hosts = [...new Set(mine.flatMap(({ to }) => (to === null ? [] : [nameOf(to)])))];
  const text = words.byItself(
    mine.length,
    hosts,
    measured.length === 0 ? null : duration(Math.max(...measured)),
  );
  const missing = mine.length - measured.length;
  return missing === 0 ? { ...look, text } : { ...look, text, detail: words.unmeasured(missing) };
}

function tooMuch(full: readonly HostRoom[], nameOf: (hostId: string) => string): SummaryLine {
  const machines = full.reduce((sum, { tooMany }) => sum + tooMany.length, 0);
  const text = words.tooMuch(
    machines,
    full.map(({ hostId }) => nameOf(hostId)),
  );
  return { key: 'memory', tone: 'danger', icon: 'alert', text };
}

/** "12 s", "7.2 s once decided", "never measured"; '' where it does not come back. */
export function afterInWords({ fate, afterMs, measure }: Outcome): string {
  if (fate === 'by-itself') return afterMs === null ? words.table.unmeasured : duration(afterMs);
  if (fate !== 'by-hand') return '';
  return measure === null ? words.table.unmeasured : words.table.onceOrdered(duration(measure.ms));
}

export function measuredBy({ measure, fate }: Outcome, now: number): string {
  if (measure === null || (fate !== 'by-itself' && fate !== 'by-hand')) return '';
  return words.table.measured(words.sources[measure.source], ago(measure.at, now));
}

export function lossInWords({ fate, loss }: Outcome): string {
  if (fate !== 'by-itself' && fate !== 'by-hand') return words.table.nowhere;
  if (loss.kind === 'nothing') return words.table.nothing;
  return loss.kind === 'unknown' ? words.table.unknown : words.table.seconds(span(loss.seconds * 1_000));
}
