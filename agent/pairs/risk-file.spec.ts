import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RiskSample } from '../protocol/index.ts';
import { RiskFile } from './risk-file.ts';
import { HOUR_MS, HOURS_KEPT, MINUTE_MS, MINUTES_KEPT, RiskRing, worse } from './risk-ring.ts';

/** In memory where there is such a place: thousands of lines, each synced. */
const FOLDERS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

const figure = fc.option(fc.nat(1000));
const steps = fc.array(
  // The clock goes on, mostly, and is set back now and then.
  fc.record({ by: fc.integer({ min: -30, max: 60 }), seconds: figure, bytes: figure }),
  { maxLength: 120 },
);

it('keeps the worst of each slot, in order, and no more slots than it may', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const ring = new RiskRing(10, 8);
      const slots = new Map<number, Omit<RiskSample, 'at'>>();
      let now = 0;
      let newest = 0;
      for (const { by, seconds, bytes } of taken) {
        now = Math.max(0, now + by);
        ring.add({ at: now, seconds, bytes });
        const slot = Math.floor(now / 10) * 10;
        newest = Math.max(newest, slot);
        const before = slots.get(slot);
        slots.set(slot, before ? worse(before, { seconds, bytes }) : { seconds, bytes });
        for (const one of slots.keys()) if (one < newest - 70) slots.delete(one);
        const wanted = [...slots].sort(([x], [y]) => x - y).map(([at, rest]) => ({ at, ...rest }));
        expect(ring.samples).toEqual(wanted);
      }
    }),
  );
});

describe('the file of a pair', () => {
  let folder: string;
  let path: string;
  const warnings: string[] = [];
  const open = async (now = Number.MAX_SAFE_INTEGER): Promise<RiskFile> => {
    const file = new RiskFile(path, (_level, text) => void warnings.push(text));
    await file.load(now);
    return file;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(FOLDERS, 'understudy-risk-'));
    path = join(folder, 'risks', 'pair.log');
    warnings.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true }));

  const measure = { source: 'drill', at: 5, host: 'h', ms: 7, until: 'answer' } as const;

  it('is the same to the next agent, whenever the one before ended', async () => {
    const file = await open();
    await file.minute({ at: 3 * MINUTE_MS, seconds: 12.5, bytes: 4096 });
    await file.minute({ at: 4 * MINUTE_MS, seconds: null, bytes: null });
    await file.setWhole(77);
    await file.measured(measure);
    const again = await open();
    expect(again.history).toEqual(file.history);
    expect(again.whole).toBe(77);
    expect(again.history).toEqual({
      minutes: [
        { at: 3 * MINUTE_MS, seconds: 12.5, bytes: 4096 },
        { at: 4 * MINUTE_MS, seconds: null, bytes: null },
      ],
      hours: [{ at: 0, seconds: null, bytes: 4096 }],
      measures: [measure],
    });
  });

  it('loses at most its torn line, at whatever byte it was cut', async () => {
    const file = await open();
    for (let n = 1; n <= 4; n += 1) await file.minute({ at: n * MINUTE_MS, seconds: n, bytes: n });
    const { size } = await stat(path);
    const last = JSON.stringify({ t: 'm', at: 4 * MINUTE_MS, s: 4, b: 4 }).length;
    for (let cut = 1; cut <= last; cut += 1) {
      await truncate(path, size - cut);
      const torn = await open();
      expect(torn.history.minutes.map(({ seconds }) => seconds)).toEqual([1, 2, 3]);
    }
    const next = await open();
    await next.minute({ at: 5 * MINUTE_MS, seconds: 5, bytes: 5 });
    expect((await open()).history.minutes.map(({ seconds }) => seconds)).toEqual([1, 2, 3, 5]);
  });

  it('passes over what cannot be believed, and what a wrong clock wrote', async () => {
    const file = await open();
    await file.minute({ at: MINUTE_MS, seconds: 1, bytes: 1 });
    await appendFile(path, '\n{"t":"m","at":"x"}\nnonsense\n');
    await file.minute({ at: 9e15, seconds: 2, bytes: 2 });
    expect((await open(2 * MINUTE_MS)).history.minutes).toEqual([{ at: MINUTE_MS, seconds: 1, bytes: 1 }]);
  });

  it('is bounded: written anew with what is kept, which stays the same', async () => {
    const file = await open();
    const writing: Promise<void>[] = [];
    for (let n = 0; n < 100 * 24 * 60; n += 20) {
      writing.push(file.minute({ at: n * MINUTE_MS, seconds: n % 977, bytes: n }));
      if (writing.length % 500 === 0) await Promise.all(writing.splice(0));
    }
    await file.measured(measure);
    await file.settled();
    const { minutes, hours } = file.history;
    expect(hours.length).toBe(HOURS_KEPT);
    expect(minutes.length).toBeLessThanOrEqual(MINUTES_KEPT);
    expect((hours.at(-1)?.at ?? 0) - (hours[0]?.at ?? 0)).toBe((HOURS_KEPT - 1) * HOUR_MS);
    const lines = (await readFile(path, 'utf8')).split('\n').length;
    expect(lines).toBeLessThan(2.1 * (MINUTES_KEPT + HOURS_KEPT));
    expect((await open()).history).toEqual(file.history);
    expect(warnings).toEqual([]);
  });
});
