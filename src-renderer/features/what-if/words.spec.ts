import { describe, expect, it } from 'vitest';
import { at, fleet, host, pair, uuidOf, vm } from '../../../src-main/contract/testing-fleet.ts';
import type { Outcome, WhatIf } from '../../../src-main/contract/what-if.ts';
import { layoutMap } from '../map/layout.ts';
import { imagined } from './imagined.ts';
import { afterInWords, lossInWords, measuredBy, summary } from './words.ts';

const measure = { source: 'drill', host: 'boreas', until: 'answer', ms: 7_000, at } as const;
const outcome = (name: string, over: Partial<Outcome> = {}): Outcome => ({
  ...{ key: `pair-${name}`, pairId: `pair-${name}`, vmUuid: uuidOf(name), name, from: 'atlas', to: 'boreas' },
  ...{ fate: 'by-itself', why: 'armed', afterMs: 12_000, measure, loss: { kind: 'nothing' } },
  ...{ memoryBytes: 2 ** 30, fits: true },
  ...over,
});
const found = (outcomes: Outcome[], rooms: WhatIf['rooms'] = []): WhatIf => ({
  ...{ failed: ['atlas'], outcomes, rooms },
});
const said = (of: WhatIf): string[] => summary(of, (id) => id).map(({ text, detail }) => detail ?? text);

describe('what a failure would come to, in words', () => {
  it('names how many come back, where, and within the longest time', () => {
    const two = [outcome('mail'), outcome('db', { afterMs: 9_000, to: 'cora' })];
    expect(said(found(two))).toEqual([
      '2 machines come back by themselves on boreas and cora within about 12 s.',
      'Nothing that was acknowledged would be lost.',
    ]);
  });

  it('says when nobody ever measured it, what waits, what stays down and what does not fit', () => {
    const mixed = [
      outcome('mail', { afterMs: null, measure: null }),
      outcome('db', { fate: 'by-hand', why: 'unarmed', loss: { kind: 'seconds', seconds: 90 } }),
      outcome('print', { fate: 'down', why: 'not-protected', to: null }),
    ];
    const room = { hostId: 'boreas', totalBytes: 1, usedBytes: 1, comingBytes: 1, coming: 2 };
    expect(said(found(mixed, [{ ...room, tooMany: ['db'] }]))).toEqual([
      'How long one takes was never measured.',
      '1 machine waits for your decision.',
      '1 machine stays down.',
      '1 machine does not fit into the memory of boreas.',
    ]);
  });

  it('tells of each machine after what time, measured by what, and what is lost', () => {
    expect(afterInWords(outcome('m'))).toBe('12 s');
    expect(afterInWords(outcome('m', { fate: 'by-hand' }))).toBe('7.0 s once decided');
    expect(afterInWords(outcome('m', { fate: 'down' }))).toBe('');
    expect(measuredBy(outcome('m'), at + 3 * 86_400_000)).toBe('by its last drill, 3 days ago');
    expect(lossInWords(outcome('m', { loss: { kind: 'seconds', seconds: 90 } }))).toBe('2 min of writes');
    expect(lossInWords(outcome('m', { fate: 'frozen' }))).toBe('–');
  });
});

describe('the picture of it', () => {
  const hosts = [host('atlas'), host('boreas')];
  const before = fleet(hosts, [vm('atlas', 'mail')], [pair('mail', 'atlas', 'boreas')]);

  it('has the machine on stage at its standby, in the same row, and changes nothing of the fleet', () => {
    const frozen = structuredClone(before);
    const after = imagined(before, ['atlas'], found([outcome('mail')]), at);
    expect(before).toEqual(frozen);
    expect(after.hosts.atlas?.connection.state).toBe('offline');
    expect(after.pairs['pair-mail']).toMatchObject({
      ...{ primary: 'boreas', standby: 'atlas', health: 'standby-lost' },
      onStageSince: { hostId: 'boreas', at: at + 12_000 },
    });
    const rows = (of: typeof before) => layoutMap(of, { wide: 9, focus: null }).rows.map(({ key }) => key);
    expect(rows(after)).toEqual(rows(before));
  });
});
