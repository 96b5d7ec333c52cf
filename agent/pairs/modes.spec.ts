import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import type { ReplicationMode } from '../protocol/index.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

/** Copies that are kept by points: on the agents' own code, over simulated hosts that watch for two copies and broken promises. */
const PAIR = 'pair-mail';
const RETENTION = { last: 3, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: ReplicationMode = { kind: 'interval', everyS: 30, retention: RETENTION };
const ASYNC: ReplicationMode = { kind: 'async', rpoS: 20 };
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

const protect = (replication: ReplicationMode, more: object = {}) =>
  atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', replication, ...more });
const mode = (box: Box, replication: ReplicationMode) =>
  box.order('pair.mode', { pairId: PAIR, replication });
const failover = (box: Box, point: string | null = null) => {
  const expected = box.pair()?.record.epoch ?? { n: 0, by: '' };
  return box.order('pair.failover', { pairId: PAIR, expected, forced: true, evidence: {}, point });
};
const points = (box: Box) => box.pair()?.restorePoints ?? [];
const follow = (box: Box) => box.pair()?.mirror?.follow;
const write = (box: Box, times: number): void => {
  for (let n = 0; n < times; n++) expect(box.host.write(MAIL)).toBe('acknowledged');
};
const newer = async (box: Box): Promise<void> => {
  const before = follow(box)?.point?.id;
  await until(() => follow(box)?.point != null && follow(box)?.point?.id !== before);
};

describe.each([INTERVAL, ASYNC])('a machine protected with $kind', (kept) => {
  it('has a first point when its protection is done, and newer ones by itself', async () => {
    write(atlas, 10);
    expect(await protect(kept)).toMatchObject({ state: 'done' });
    expect(atlas.pair()).toMatchObject({
      record: { replica: { mode: kept.kind, state: 'stale' }, armed: false },
      mirror: { state: 'following', problem: null },
      spec: { replication: kept },
    });
    write(atlas, 5);
    await newer(atlas);
    await until(() => points(boreas).length > 1);
    expect(points(boreas).at(-1)).toEqual(follow(atlas)?.point);
  });

  it('starts from the newest point after a loss, with everything that was promised of it', async () => {
    write(atlas, 10);
    await protect(kept);
    write(atlas, 7);
    // The first one may have been of a moment before.
    await newer(atlas);
    await newer(atlas);
    const safe = rig.world.acknowledgedBy(MAIL);
    write(atlas, 3);
    await atlas.powerOff();
    expect(await failover(boreas)).toMatchObject({ state: 'done' });
    expect(boreas.host.runs(MAIL)).toBe(true);
    // The world has checked the promise; what is left is that nothing more was given up than was shown.
    expect(rig.world.acknowledgedBy(MAIL)).toBeGreaterThanOrEqual(safe);
    write(boreas, 4);
  });

  it('goes on alone while the standby is away, and catches up when it is back', async () => {
    await protect(kept);
    await boreas.powerOff();
    write(atlas, 20);
    await until(() => atlas.pair()?.mirror?.problem != null || atlas.pair()?.mirror === null);
    await boreas.powerOn();
    await newer(atlas);
    await until(() => follow(atlas)?.behindBytes === 0);
  });

  it('goes on with points after its agent was replaced', async () => {
    await protect(kept);
    const before = points(boreas).length;
    await atlas.killAgent();
    write(atlas, 3);
    await atlas.startAgent();
    await until(() => points(boreas).length > before || (follow(atlas)?.point?.at ?? 0) > 0);
    await newer(atlas);
  });

  it('compares both sides after the machine was started anew', async () => {
    await protect(kept);
    write(atlas, 6);
    atlas.host.endGuest(atlas.host.guest(MAIL) as never, 'crashed');
    await until(() => atlas.host.runs(MAIL));
    write(atlas, 2);
    await newer(atlas);
    await atlas.powerOff();
    expect(await failover(boreas)).toMatchObject({ state: 'done' });
  });

  it('is never armed, and says why', async () => {
    expect(await protect(kept, { policy: 'automatic' }).catch((error) => error.problem)).toMatchObject({
      kind: 'mode-needs-manual',
    });
    await protect(kept);
    const automatic = atlas.consoleCall('pair.settings', { pairId: PAIR, change: { policy: 'automatic' } });
    await expect(automatic).rejects.toMatchObject({ problem: { kind: 'mode' } });
    expect(atlas.pair()?.lease.hindrances.map(({ kind }) => kind)).toContain('mode');
  });

  it('returns: the old disk lies under the new points, and only what differs is sent', async () => {
    await protect(kept);
    write(atlas, 3);
    await atlas.powerOff();
    await failover(boreas);
    write(boreas, 5);
    await atlas.powerOn();
    await until(() => atlas.pair()?.local.kind === 'quarantined');
    expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
    await until(() => points(atlas).length > 0);
    expect(atlas.pair()?.asides?.map(({ under }) => under)).toEqual([true, true]);
    // Five writes here, and none there since the point that was started from.
    const [first] = points(atlas);
    expect(first?.bytes).toBeLessThan(1024 * 1024);
    expect(boreas.pair()?.mirror?.state).toBe('following');
    // What was kept aside goes, and nothing of the new points with it.
    await atlas.order('pair.discard', { pairId: PAIR });
    expect(atlas.pair()?.asides).toEqual([]);
    write(boreas, 2);
    await newer(boreas);
    await boreas.powerOff();
    expect(await failover(atlas)).toMatchObject({ state: 'done' });
  });

  it('is mirrored from then on when that is wanted, without copying everything', async () => {
    await protect(kept);
    write(atlas, 3);
    expect(await mode(atlas, { kind: 'sync' })).toMatchObject({ state: 'done' });
    expect(atlas.pair()?.record.replica).toMatchObject({ mode: 'sync', state: 'in-sync' });
    const note = atlas.service.tasks().find(({ kind }) => kind === 'mode')?.steps[2]?.note;
    expect(note).toMatch(/had changed/);
    write(atlas, 2);
    const all = rig.world.acknowledgedBy(MAIL);
    await atlas.powerOff();
    expect(await failover(boreas)).toMatchObject({ state: 'done' });
    expect(rig.world.acknowledgedBy(MAIL)).toBe(all);
  });

  it('takes over from a mirror without copying everything', async () => {
    await protect({ kind: 'sync' });
    write(atlas, 4);
    expect(await mode(atlas, kept)).toMatchObject({ state: 'done' });
    // The mirrored copy is the first, what came after it the second.
    expect(points(boreas).length).toBeGreaterThanOrEqual(2);
    expect(points(boreas).at(-1)?.bytes).toBeLessThan(1024 * 1024);
    write(atlas, 4);
    await newer(atlas);
    await atlas.powerOff();
    expect(await failover(boreas)).toMatchObject({ state: 'done' });
  });

  it('leaves nothing on the standby when its protection ends', async () => {
    await protect(kept);
    expect(await atlas.order('protect.end', { pairId: PAIR })).toMatchObject({ state: 'done' });
    expect([...boreas.host.images.keys()]).toEqual([]);
    expect(atlas.host.runs(MAIL)).toBe(true);
  });
});

it('keeps as many points as its rule says, and starts from the one a person chooses', async () => {
  await protect(INTERVAL);
  for (let n = 0; n < 5; n++) {
    write(atlas, 2);
    await newer(atlas);
  }
  await until(() => points(boreas).length === 3);
  const [oldest] = points(boreas);
  await atlas.powerOff();
  expect(await failover(boreas, oldest?.id)).toMatchObject({ state: 'done' });
  expect(rig.world.acknowledgedBy(MAIL)).toBeLessThan(10);
});

it('refuses what cannot be, with the reason', async () => {
  const refused = (replication: ReplicationMode) => protect(replication).catch((error) => error.problem.kind);
  expect(await refused({ ...INTERVAL, everyS: 5 })).toBe('interval-out-of-range');
  expect(await refused({ ...INTERVAL, retention: { last: 0, hourly: 0, daily: 0, weekly: 0 } })).toBe(
    'retention-keeps-nothing',
  );
  expect(await refused({ kind: 'async', rpoS: 1 })).toBe('rpo-out-of-range');
  expect(atlas.service.list()).toEqual([]);
});

it('tells when points take longer than their interval', async () => {
  await protect(INTERVAL);
  rig.world.pace.copyBps = 20_000;
  write(atlas, 12);
  await until(() => atlas.pair()?.mirror?.problem?.kind === 'interval-too-short');
});

it('says before too much is at risk, and that it is', async () => {
  await protect(ASYNC);
  rig.world.cable('atlas', 'boreas', false);
  write(atlas, 1);
  await until(() => follow(atlas)?.alarm === 'near');
  await until(() => follow(atlas)?.alarm === 'missed');
});
