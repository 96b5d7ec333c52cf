import { describe, expect, it } from 'vitest';
import type { AuditView } from '../../../src-main/contract/index.ts';
import { eventTone, groupByDay } from './timeline.ts';

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

  it('weighs events by their names', () => {
    expect(
      ['failover-ordered', 'failed-over', 'in-sync', 'mirror-broken', 'start-failed', 'record-adopted'].map(
        eventTone,
      ),
    ).toEqual(['order', 'ok', 'ok', 'attention', 'danger', 'plain']);
  });
});
