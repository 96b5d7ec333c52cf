import { describe, expect, it } from 'vitest';
import type { AuditView } from '../../../src-main/contract/index.ts';
import { caughtUp, joined } from './feed.ts';

const line = (seq: number): AuditView => ({
  key: `atlas:${seq}`,
  source: 'atlas',
  sourceName: 'atlas',
  entry: { seq, at: seq * 1_000, actor: 'agent', event: 'looked', text: 'Looked.' },
});
const seqs = (views: readonly AuditView[]): number[] => views.map(({ entry }) => entry.seq);

describe('the history on screen', () => {
  it('has each line once, the newest first', () => {
    expect(seqs(joined([line(3), line(1)], [line(2), line(3)]))).toEqual([3, 2, 1]);
  });

  it('gets the lines of the time without the console', () => {
    expect(seqs(caughtUp([line(2), line(1)], [line(4), line(3), line(2)]))).toEqual([4, 3, 2, 1]);
  });

  it('begins anew when more came than are read at once: no gap looks like a quiet time', () => {
    expect(seqs(caughtUp([line(2), line(1)], [line(9), line(8)]))).toEqual([9, 8]);
  });
});
