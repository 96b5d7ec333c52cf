import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import type { ReplicationMode } from '../protocol/index.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

/** What a mirrored copy may be told besides: acknowledged from memory, and rather given up than waited for. */
const PAIR = 'pair-mail';
const MEMORY: ReplicationMode = { kind: 'sync', memory: true };
const IMPATIENT: ReplicationMode = { kind: 'sync', goOnMs: 500 };
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
  rig.world.pace.copyBps = 60e9;
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  expect(rig.warnings).toEqual([]);
  await rig.close();
});

const protect = (replication: ReplicationMode) =>
  atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', replication });
const failover = (box: Box, forced: boolean) => {
  const expected = box.pair()?.record.epoch ?? { n: 0, by: '' };
  return box.order('pair.failover', { pairId: PAIR, expected, forced, evidence: {}, point: null });
};
const state = (box: Box) => box.pair()?.record.replica.state;
const audit = (box: Box) => readFile(join(rig.folder, box.host.name, 'audit.log'), 'utf8');
const write = (box: Box, times: number): void => {
  for (let n = 0; n < times; n++) expect(box.host.write(MAIL)).toBe('acknowledged');
};

describe('a mirror that is acknowledged from memory', () => {
  it('is recorded stale when its storage ends uncleanly, and healed by a comparison', async () => {
    expect(await protect(MEMORY)).toMatchObject({ state: 'done' });
    write(atlas, 5);
    expect(boreas.host.inMemory.has(PAIR)).toBe(true);
    boreas.host.loseMemory(PAIR);
    await until(() => state(atlas) === 'stale' || state(atlas) === 'catching-up');
    await until(() => state(atlas) === 'in-sync');
    expect(boreas.pair()?.local).toEqual({ kind: 'standby', exports: 'open' });
    expect(await audit(boreas)).toMatch(/ended uncleanly while it acknowledged from memory/);
    expect(await audit(atlas)).toMatch(/"way":"compare"/);
    write(atlas, 3);
    await atlas.powerOff();
    expect(await failover(boreas, true)).toMatchObject({ state: 'done' });
  });

  it('closed in order has everything', async () => {
    await protect(MEMORY);
    write(atlas, 9);
    expect(await atlas.order('pair.switchover', { pairId: PAIR, way: 'cold' })).toMatchObject({
      state: 'done',
    });
    expect(boreas.host.runs(MAIL)).toBe(true);
    write(boreas, 1);
  });

  it('shows that it is not to be counted on when its host has booted while the owner is away', async () => {
    await protect(MEMORY);
    write(atlas, 5);
    await atlas.powerOff();
    await boreas.powerOff();
    await boreas.powerOn();
    expect(boreas.pair()?.local).toMatchObject({ kind: 'standby', unclean: true });
    await atlas.powerOn();
    const local = () => JSON.stringify(boreas.pair()?.local);
    await until(() => state(atlas) !== 'in-sync');
    expect(local()).toMatch('unclean');
    await until(() => state(atlas) === 'in-sync');
    expect(local()).not.toMatch('unclean');
  });

  it('is started only by a person who knows that writes may be missing', async () => {
    await protect(MEMORY);
    await atlas.powerOff();
    boreas.host.loseMemory(PAIR);
    expect(await failover(boreas, false)).toMatchObject({
      state: 'failed',
      problem: { kind: 'replica-unclean' },
    });
    expect(boreas.host.runs(MAIL)).toBe(false);
    expect(await failover(boreas, true)).toMatchObject({ state: 'done' });
    expect(boreas.host.runs(MAIL)).toBe(true);
    expect(boreas.host.unclean.has(PAIR)).toBe(false);
  });

  it('is written through again when that is wanted, without copying everything', async () => {
    await protect(MEMORY);
    write(atlas, 2);
    const task = await atlas.order('pair.mode', { pairId: PAIR, replication: { kind: 'sync' } });
    expect(task).toMatchObject({ state: 'done' });
    expect(task.steps.find(({ id }) => id === 'copy')?.note).toMatch(/had changed/);
    expect(boreas.host.inMemory.has(PAIR)).toBe(false);
    expect(boreas.host.unclean.has(PAIR)).toBe(false);
  });
});

describe('a pair that rather goes on than waits', () => {
  it('gives up a standby that is too slow, and mirrors to it again once it is fast', async () => {
    await protect(IMPATIENT);
    boreas.host.answersWithin(2_000);
    await until(() => state(atlas) === 'stale');
    await until(() => atlas.host.write(MAIL) === 'acknowledged');
    expect(await audit(atlas)).toMatch(/"went-on".*longer than may be waited/);
    // Its pause is over, and it is as slow as before: nothing is begun.
    const since = rig.world.clock.now();
    await until(() => rig.world.clock.now() - since > 40_000);
    expect(state(atlas)).toBe('stale');
    boreas.host.answersWithin(3);
    await until(() => state(atlas) === 'in-sync');
    expect(await audit(atlas)).toMatch(/boreas answers within 3 ms again/);
  });

  it('pauses longer each time it comes back only to be too slow again', async () => {
    await protect(IMPATIENT);
    const pauses: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      boreas.host.answersWithin(2_000);
      await until(() => state(atlas) === 'stale');
      const since = rig.world.clock.now();
      boreas.host.answersWithin(3);
      await until(() => state(atlas) === 'in-sync');
      pauses.push(rig.world.clock.now() - since);
    }
    const [first = 0, second = 0, third = 0] = pauses;
    expect(first).toBeGreaterThan(9_000);
    expect(second).toBeGreaterThan(19_000);
    expect(third).toBeGreaterThan(39_000);
  });

  it('is told so while it is mirrored, and stays in sync', async () => {
    await protect({ kind: 'sync' });
    const { version } = atlas.pair()?.record ?? {};
    const task = await atlas.order('pair.mode', { pairId: PAIR, replication: IMPATIENT });
    expect(task).toMatchObject({ state: 'done' });
    expect(atlas.pair()).toMatchObject({ record: { version }, spec: { replication: IMPATIENT } });
    boreas.host.answersWithin(2_000);
    await until(() => state(atlas) === 'stale');
  });

  it('refuses what cannot be, with the reason', async () => {
    for (const goOnMs of [20, 99, 15_001])
      await expect(protect({ kind: 'sync', goOnMs })).rejects.toMatchObject({
        problem: { kind: 'patience-out-of-range', field: 'goOnMs' },
      });
  });
});
