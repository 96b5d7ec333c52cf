import { describe, expect, it } from 'vitest';
import type { ReplicationMode } from '../../../agent/protocol/mode.ts';
import { costOf, modeSummary } from './cost.ts';
import { entered, modeFrom, secondsOf } from './mode-form.ts';

const INTERVAL: ReplicationMode = {
  kind: 'interval',
  everyS: 900,
  retention: { last: 6, hourly: 12, daily: 7, weekly: 4 },
};
const MIB = 2 ** 20;

describe('the form for how a copy is kept', () => {
  it.each([
    ['30', 30],
    ['30 s', 30],
    ['15 min', 900],
    ['4h', 14_400],
    ['1 day', 86_400],
    ['soon', null],
    ['5 parsecs', null],
  ])('reads %j as %j seconds', (text, seconds) => expect(secondsOf(text)).toBe(seconds));

  it.each<ReplicationMode>([
    { kind: 'sync' },
    { kind: 'sync', memory: true },
    { kind: 'sync', goOnMs: 800 },
    { kind: 'sync', memory: true, goOnMs: 250 },
    { kind: 'async', rpoS: 30 },
    INTERVAL,
  ])('gives back what it began with: $kind', (mode) => expect(modeFrom(entered(mode)).mode).toEqual(mode));

  it('says at the field what cannot be', () => {
    const form = entered(INTERVAL);
    expect(modeFrom({ ...form, every: '5 s' })).toMatchObject({
      mode: null,
      everyProblem: expect.stringContaining('30 s'),
    });
    expect(modeFrom({ ...form, every: 'now and then' }).everyProblem).not.toBeNull();
    expect(modeFrom({ ...form, last: '-1' }).countProblem).not.toBeNull();
    const none = { last: '0', hourly: '0', daily: '0', weekly: '0' };
    expect(modeFrom({ ...form, ...none }).countProblem).toMatch(/no restore point/);
    expect(modeFrom({ ...entered({ kind: 'async', rpoS: 30 }), rpo: '1 s' }).rpoProblem).not.toBeNull();
  });

  it('says at the field how long a write may wait', () => {
    const form = { ...entered({ kind: 'sync' }), goOn: true };
    expect(modeFrom(form).mode).toEqual({ kind: 'sync', goOnMs: 1_000 });
    expect(modeFrom({ ...form, goOnMs: '20' }).goOnProblem).toMatch(/between 100 ms and 15 s/);
    expect(modeFrom({ ...form, goOnMs: 'long' })).toMatchObject({
      mode: null,
      goOnProblem: expect.any(String),
    });
    expect(modeFrom({ ...form, goOn: false, goOnMs: 'long' }).mode).toEqual({ kind: 'sync' });
  });

  it('tells what an option of a mirror risks', () => {
    const cost = costOf({ kind: 'sync', memory: true, goOnMs: 250 }, { diskBytes: 0, writeBps: null }).join(
      ' ',
    );
    expect(cost).toMatch(/the last writes/);
    expect(cost).toMatch(/everything since a write had waited 250 ms/);
    expect(modeSummary({ kind: 'sync', goOnMs: 250 })).toMatch(/waits longer than 250 ms/);
  });

  it('tells beforehand what is at risk, what travels and what room it takes', () => {
    const writer = { diskBytes: 4096 * MIB, writeBps: MIB };
    expect(costOf({ kind: 'sync' }, writer).join(' ')).toMatch(
      /nothing that was acknowledged.*1 MiB\/s.*4 GiB/,
    );
    const cost = costOf(INTERVAL, writer).join(' ');
    expect(cost).toMatch(/last 15 min/);
    expect(cost).toMatch(/at most 900 MiB a point/);
    expect(cost).toMatch(/changes of 29 points/);
    // A point cannot be larger than the disks.
    expect(costOf(INTERVAL, { ...writer, writeBps: 100 * MIB }).join(' ')).toMatch(/at most 4 GiB a point/);
    expect(costOf(INTERVAL, { ...writer, writeBps: null }).join(' ')).toMatch(/not known yet/);
  });
});
