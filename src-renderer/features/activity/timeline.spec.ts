import { describe, expect, it } from 'vitest';
import type { AuditView } from '../../../src-main/contract/index.ts';
import { eventTone, groupByDay, lastOf, sentenceOf } from './timeline.ts';

const now = new Date(2026, 0, 5, 14, 2, 3).getTime();
const entry = (at: number): AuditView => ({
  key: String(at),
  source: 'console',
  sourceName: 'console',
  entry: { seq: 1, at, actor: 'agent', event: 'x', text: 'x' },
});

describe('the history', () => {
  it('stands under its days, newest first', () => {
    const days = groupByDay([entry(now), entry(now - 1_000), entry(now - 86_400_000)], now);
    expect(days.map((day) => [day.label, day.entries.length])).toEqual([
      ['Today', 2],
      ['Yesterday', 1],
    ]);
  });

  it('can be read of one side alone, as a story', () => {
    const of = (source: string, nth: number): AuditView => ({
      ...entry(now - nth),
      source,
      key: `${source}${nth}`,
    });
    const entries = [of('atlas', 1), of('boreas', 2), of('atlas', 3)];
    expect(lastOf(entries, 'atlas').map((view) => view.key)).toEqual(['atlas3', 'atlas1']);
  });

  it('says whose part of a sentence it is', () => {
    const view = { ...entry(now), sourceName: 'boreas' };
    const say = (text: string) => sentenceOf({ ...view, entry: { ...view.entry, text } });
    expect(say('takes over: epoch 2')).toBe('boreas: takes over: epoch 2.');
    expect(say('mail is in sync on boreas.')).toBe('mail is in sync on boreas.');
  });

  it('weighs the failover core, too', () => {
    expect(
      ['renewal-missed', 'lease-lapsed', 'frozen', 'armed', 'disarmed', 'took-over'].map(eventTone),
    ).toEqual(['attention', 'danger', 'danger', 'ok', 'attention', 'ok']);
  });

  it('weighs what others changed by what it asks for', () => {
    expect(
      ['change-noticed', 'change-followed', 'change-asks', 'copy-touched', 'mirror-cancelled'].map(eventTone),
    ).toEqual(['attention', 'ok', 'attention', 'danger', 'attention']);
  });

  it('weighs events by their names', () => {
    expect(
      ['failover-ordered', 'failed-over', 'in-sync', 'mirror-broken', 'start-failed', 'record-adopted'].map(
        eventTone,
      ),
    ).toEqual(['order', 'ok', 'ok', 'attention', 'danger', 'plain']);
  });
});
