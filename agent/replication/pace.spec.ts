import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../ports.ts';
import { WORKDAYS } from '../protocol/index.ts';
import { Pace } from './pace.ts';

const MIB = 2 ** 20;

describe('the limit of a host’s copies', () => {
  let stateDir: string;
  let now: number;
  let due: (() => void)[];
  const clock: Clock = {
    now: () => now,
    bootMs: () => now,
    setTimeout(run) {
      due.push(run);
      return { cancel: () => due.splice(due.indexOf(run), 1) };
    },
  };
  const begun = async (): Promise<Pace> => {
    const pace = new Pace({ stateDir, clock, log: () => undefined });
    await pace.start();
    return pace;
  };

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'understudy-pace-'));
    now = new Date(2026, 10, 30, 7, 59, 59).getTime();
    due = [];
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  it('lets everything go as fast as it goes until one was set', async () => {
    const tell = vi.fn();
    (await begun()).join(tell);
    expect(tell.mock.calls).toEqual([[null]]);
  });

  it('is shared by all that copy, and given back by each that ends', async () => {
    const pace = await begun();
    await pace.set({ mibPerS: 6, hours: null });
    const [one, two] = [vi.fn(), vi.fn()];
    pace.join(one);
    expect(one).toHaveBeenLastCalledWith(6 * MIB);
    const ended = pace.join(two);
    expect(one).toHaveBeenLastCalledWith(3 * MIB);
    expect(two).toHaveBeenLastCalledWith(3 * MIB);
    ended();
    ended();
    expect(one).toHaveBeenLastCalledWith(6 * MIB);
  });

  it('changes what is being copied at once, and by its timetable', async () => {
    const pace = await begun();
    const tell = vi.fn();
    const changed = vi.fn();
    pace.subscribe(changed);
    pace.join(tell);
    await pace.set({ mibPerS: null, hours: { days: WORKDAYS, from: 8, to: 18, mibPerS: 5 } });
    expect(pace.view.nowMibPerS).toBeNull();
    now += 1_000;
    for (const run of due.splice(0)) run();
    expect(tell).toHaveBeenLastCalledWith(5 * MIB);
    expect(pace.view.nowMibPerS).toBe(5);
    await pace.set({ mibPerS: null, hours: null });
    expect(tell).toHaveBeenLastCalledWith(null);
    expect(changed).toHaveBeenCalled();
  });

  it('is known to the next life of the agent', async () => {
    await (await begun()).set({ mibPerS: 3, hours: null });
    expect((await begun()).view).toEqual({ setting: { mibPerS: 3, hours: null }, nowMibPerS: 3 });
  });
});
