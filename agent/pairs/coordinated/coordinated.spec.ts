import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import type { ExternalMode, ReplicationMode } from '../../protocol/index.ts';
import { mountShared, SimulatedReplication } from '../../replication/simulated/coordinated.ts';
import { type Box, Rig, until } from '../../replication/simulated/spec-rig.ts';

/** Copies that somebody else keeps: on the agents' own code, over simulated hosts that watch for two copies and broken promises. */
const PAIR = 'pair-mail';
const PATHS = guestDraft().disks.map(({ path }) => path);
const SHARED: ReplicationMode = { kind: 'shared' };
const verbs = (...args: string[]): string[] => [SimulatedReplication.PROGRAM, ...args];
const commands = { state: verbs('state'), promote: verbs('promote'), demote: verbs('demote') };
const external = (synchronous: boolean): ExternalMode => ({
  kind: 'external',
  synchronous,
  everyS: 1,
  commands: { atlas: commands, boreas: commands },
});
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  rig = await Rig.open([
    { name: 'atlas', guests: [{ ...guestDraft() }] },
    { name: 'boreas' },
    { name: 'cora' },
  ]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  expect(rig.warnings).toEqual([]);
  await rig.close();
});

const AUTOMATIC = { policy: 'automatic', witness: 'cora', profile: 'fast' } as const;
const protect = (replication: ReplicationMode, more: object = {}) =>
  atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', replication, ...more });
const armed = (box: Box) => until(() => box.pair()?.record.armed === true);
const runsOn = (box: Box) => until(() => box.host.runs(MAIL));
const write = (box: Box, times: number): void => {
  for (let n = 0; n < times; n++) expect(box.host.write(MAIL)).toBe('acknowledged');
};
const failover = (box: Box) => {
  const expected = box.pair()?.record.epoch ?? { n: 0, by: '' };
  return box.order('pair.failover', { pairId: PAIR, expected, forced: true, evidence: {}, point: null });
};
const refused = async (order: Promise<unknown>): Promise<string> =>
  order.then(
    (task) => (task as { problem?: { kind: string } | null }).problem?.kind ?? 'done',
    (error: { problem?: { kind: string } }) => error.problem?.kind ?? String(error),
  );

describe('a machine on shared disks', () => {
  it('is armed, and taken over with every write when its host loses its power', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    write(atlas, 5);
    expect(await protect(SHARED, AUTOMATIC)).toMatchObject({ state: 'done' });
    await armed(atlas);
    expect(atlas.pair()).toMatchObject({
      record: { replica: { mode: 'shared', state: 'in-sync' } },
      mirror: { state: 'in-sync', attended: { line: 'boreas reaches the same files' } },
    });
    write(atlas, 20);
    await atlas.powerOff();
    await runsOn(boreas);
    write(boreas, 5);
    // There is one set of disks: nothing of the old host needs a person's word.
    await atlas.powerOn();
    await armed(boreas);
    expect(atlas.pair()?.local).toMatchObject({ kind: 'standby' });
    expect(rig.world.acknowledgedBy(MAIL)).toBe(30);
  });

  it('is ended, not only frozen, where its lease ran out: its process must not keep the disks', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    await protect(SHARED, AUTOMATIC);
    await armed(atlas);
    write(atlas, 3);
    for (const other of ['boreas', 'cora']) rig.world.cable('atlas', other, false);
    await runsOn(boreas);
    expect(atlas.host.guest(MAIL)?.startedAt ?? null).toBeNull();
    write(boreas, 2);
    for (const other of ['boreas', 'cora']) rig.world.cable('atlas', other, true);
    await armed(boreas);
  });

  it('is not protected where the other host has files of its own that look the same', async () => {
    for (const path of PATHS) {
      const image = atlas.host.images.get(path);
      if (image) boreas.host.images.set(path, { ...image });
    }
    expect(await refused(protect(SHARED, AUTOMATIC))).toBe('check-same-files');
    expect(atlas.service.list()).toEqual([]);
  });

  it('is disarmed as soon as the other host reaches them no more, and armed again when it does', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    await protect(SHARED, AUTOMATIC);
    await armed(atlas);
    const [path = ''] = PATHS;
    boreas.host.images.delete(path);
    await until(() => atlas.pair()?.record.armed === false);
    expect(atlas.pair()).toMatchObject({
      record: { replica: { state: 'stale' } },
      mirror: { state: 'broken', problem: { kind: 'shared-missing' } },
    });
    write(atlas, 1);
    mountShared(atlas.host, boreas.host, PATHS);
    await armed(atlas);
  });

  it('changes sides with a shutdown, and back', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    await protect(SHARED, AUTOMATIC);
    await armed(atlas);
    write(atlas, 4);
    const move = { pairId: PAIR, way: 'auto', switchOff: false } as const;
    expect(await atlas.order('pair.switchover', move)).toMatchObject({ state: 'done' });
    await armed(boreas);
    write(boreas, 4);
    expect(await boreas.order('pair.switchover', move)).toMatchObject({ state: 'done' });
    await armed(atlas);
  });

  it('is not forced onto the other host while any process has them open', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    await protect(SHARED);
    await until(() => boreas.pair()?.record.replica.state === 'in-sync');
    rig.world.cable('atlas', 'boreas', false);
    expect(await refused(failover(boreas))).toBe('disk-in-use');
    await atlas.powerOff();
    expect(await failover(boreas)).toMatchObject({ state: 'done' });
    write(boreas, 1);
  });

  it('keeps its disks when its protection ends, and has nothing of ours beside them', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    await protect(SHARED);
    expect(await atlas.order('protect.end', { pairId: PAIR })).toMatchObject({ state: 'done' });
    for (const path of PATHS) expect(boreas.host.images.get(path)).toBe(atlas.host.images.get(path));
    expect(atlas.host.images.get(PATHS[0] ?? '')?.token).toBeUndefined();
    write(atlas, 1);
  });

  it('goes on armed while its agent is replaced', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    await protect(SHARED, AUTOMATIC);
    await armed(atlas);
    const version = atlas.pair()?.record.version;
    await atlas.stopAgent();
    await atlas.startAgent();
    await until(() => atlas.pair()?.mirror?.state === 'in-sync');
    expect(atlas.pair()?.record).toMatchObject({ armed: true, version });
  });

  it('is protected all the same when the agent dies in the middle of it', async () => {
    for (const moment of [0, 1, 2]) {
      if (moment === 0) mountShared(atlas.host, boreas.host, PATHS);
      const before = atlas.service.tasks().length;
      const order = protect(SHARED);
      const task = () => atlas.service.tasks().toSorted((a, b) => b.startedAt - a.startedAt)[0];
      const begun = () =>
        atlas.service.tasks().length > before &&
        (task()?.steps.filter(({ state }) => state !== 'pending').length ?? 0) > moment;
      await until(begun);
      await atlas.killAgent();
      await atlas.startAgent();
      expect(await order).toMatchObject({ state: 'done', problem: null });
      await until(() => atlas.pair()?.mirror?.state === 'in-sync');
      expect(await atlas.order('protect.end', { pairId: PAIR })).toMatchObject({ state: 'done' });
    }
  });

  it('cannot be kept by us from one day to the next', async () => {
    mountShared(atlas.host, boreas.host, PATHS);
    await protect(SHARED);
    const mode = (replication: ReplicationMode) => atlas.order('pair.mode', { pairId: PAIR, replication });
    expect(await refused(mode({ kind: 'sync' }))).toBe('keeper-fixed');
    expect(await refused(boreas.order('pair.drill', { pairId: PAIR, standS: 0 }))).toBe('drill-impossible');
    expect(await refused(atlas.order('pair.verify', { pairId: PAIR }))).toBe('not-our-copy');
  });
});

describe('a machine whose copy an external replication keeps', () => {
  const replicate = (synchronous: boolean) =>
    new SimulatedReplication([atlas.host, boreas.host], PATHS, { synchronous, lagMs: 3_000 });

  it('is armed while the replication is synchronous and says in sync; promoted when taken over', async () => {
    const replication = replicate(true);
    write(atlas, 5);
    expect(await protect(external(true), AUTOMATIC)).toMatchObject({ state: 'done' });
    await armed(atlas);
    write(atlas, 10);
    await atlas.powerOff();
    await runsOn(boreas);
    expect(replication.did).toContain('boreas promote');
    write(boreas, 3);
  });

  it('is started anew, promoted, where it is taken back: the other host’s promote had taken its disks away', async () => {
    const replication = replicate(true);
    await protect(external(true), AUTOMATIC);
    await armed(atlas);
    write(atlas, 3);
    const { programs } = boreas.host;
    const program = programs.get(SimulatedReplication.PROGRAM);
    programs.set(SimulatedReplication.PROGRAM, async (args) => {
      const ran = await program?.(args);
      if (args[0] === 'promote') await boreas.powerOff();
      return ran ?? { code: 1, stdout: '', stderr: '' };
    });
    for (const other of ['boreas', 'cora']) rig.world.cable('atlas', other, false);
    await until(() => replication.did.includes('boreas promote'));
    for (const other of ['boreas', 'cora']) rig.world.cable('atlas', other, true);
    await until(() => atlas.pair()?.record.change === 'take-back' && atlas.pair()?.record.begun === true);
    await runsOn(atlas);
    write(atlas, 2);
    expect(replication.did).toContain('atlas promote');
  });

  it('is disarmed by a broken state, and by one that cannot be understood', async () => {
    const replication = replicate(true);
    await protect(external(true), AUTOMATIC);
    await armed(atlas);
    replication.says = { code: 0, stdout: 'broken split brain', stderr: '' };
    await until(() => atlas.pair()?.record.armed === false);
    expect(atlas.pair()?.mirror?.problem).toMatchObject({ kind: 'external-broken' });
    replication.says = null;
    await armed(atlas);
    replication.says = { code: 0, stdout: 'all is well', stderr: '' };
    await until(() => atlas.pair()?.record.armed === false);
    expect(atlas.pair()?.mirror?.problem).toMatchObject({ kind: 'command-not-understood' });
    replication.says = { code: 3, stdout: 'in-sync', stderr: '' };
    await until(() => atlas.pair()?.mirror?.problem?.kind === 'external-broken');
  });

  it('is never counted on when it is asynchronous; a person starts its copy, which is promoted', async () => {
    const replication = replicate(false);
    expect(await refused(protect(external(false), AUTOMATIC))).toBe('mode-needs-manual');
    write(atlas, 5);
    expect(await protect(external(false))).toMatchObject({ state: 'done' });
    await until(() => atlas.pair()?.mirror?.state === 'following');
    expect(atlas.pair()?.record.replica).toMatchObject({ mode: 'external', state: 'stale' });
    write(atlas, 2);
    await until(() => (atlas.pair()?.mirror?.attended?.behindBytes ?? 0) > 0);
    await until(() => boreas.host.images.get(PATHS[0] ?? '')?.version === 7);
    await atlas.powerOff();
    expect(await failover(boreas)).toMatchObject({ state: 'done' });
    expect(replication.did).toContain('boreas promote');
    write(boreas, 1);
  });

  it('changes sides by demote and promote', async () => {
    const replication = replicate(true);
    await protect(external(true), AUTOMATIC);
    await armed(atlas);
    write(atlas, 4);
    const move = { pairId: PAIR, way: 'cold', switchOff: false } as const;
    expect(await atlas.order('pair.switchover', move)).toMatchObject({ state: 'done' });
    const orders = replication.did.filter((what) => !what.endsWith('state'));
    expect(orders).toEqual(['atlas demote', 'boreas promote']);
    write(boreas, 1);
    await armed(boreas);
  });

  it('is not protected with commands that a host does not have', async () => {
    replicate(true);
    boreas.host.programs.clear();
    expect(await refused(protect(external(true)))).toBe('check-commands');
    const half = { ...external(true), commands: { atlas: commands } };
    expect(await refused(protect(half))).toBe('check-commands');
    const secret = { ...commands, state: verbs('--password=hunter2') };
    expect(await refused(protect({ ...external(true), commands: { atlas: secret, boreas: commands } }))).toBe(
      'command-with-secret',
    );
  });
});
