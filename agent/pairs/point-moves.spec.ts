import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import type { ReplicationMode } from '../protocol/index.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

/** Machines whose copies are kept by points change sides: nothing is lost, and their copies are kept as before. */
const PAIR = 'pair-mail';
const RETENTION = { last: 3, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: ReplicationMode = { kind: 'interval', everyS: 30, retention: RETENTION };
const ASYNC: ReplicationMode = { kind: 'async', rpoS: 20 };
let rig: Rig;
let atlas: Box;
let boreas: Box;

async function protect(replication: ReplicationMode): Promise<void> {
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', replication };
  expect(await atlas.order('protect.start', order)).toMatchObject({ state: 'done' });
}
const points = (box: Box) => box.pair()?.restorePoints ?? [];
const write = (box: Box, times: number): void => {
  for (let n = 0; n < times; n++) expect(box.host.write(MAIL)).toBe('acknowledged');
};
const move = (box: Box, way: 'live' | 'cold') =>
  box.order('pair.switchover', { pairId: PAIR, way, switchOff: false });
/** Its copy is kept by points again, which are made. */
const follows = (box: Box, mode: ReplicationMode): Promise<void> =>
  until(() => {
    const pair = box.running ? box.pair() : undefined;
    const { replica } = pair?.record ?? {};
    return (
      replica?.mode === mode.kind &&
      replica.state === 'stale' &&
      pair?.mirror?.state === 'following' &&
      !pair.spec.mirroredToMove &&
      JSON.stringify(pair.spec.replication) === JSON.stringify(mode)
    );
  });

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

describe.each([INTERVAL, ASYNC])('a machine kept by $kind', (mode) => {
  it.each(['live', 'cold'] as const)('moves there and back (%s), and loses nothing', async (way) => {
    await protect(mode);
    write(atlas, 7);
    expect(await move(atlas, way)).toMatchObject({ state: 'done' });
    await until(() => boreas.host.runs(MAIL));
    // The world checks that nothing that was acknowledged is missing.
    write(boreas, 3);
    await follows(boreas, mode);
    expect(points(atlas).length).toBeGreaterThan(0);
    write(boreas, 2);
    expect(await move(boreas, way)).toMatchObject({ state: 'done' });
    await until(() => atlas.host.runs(MAIL));
    write(atlas, 1);
    await follows(atlas, mode);
  });
});

it('sends what the last point lacks, and nothing else', async () => {
  await protect(INTERVAL);
  write(atlas, 5);
  const task = await move(atlas, 'cold');
  expect(task.steps.map(({ id }) => id)).toEqual([
    'mirror',
    'prepare',
    'copy',
    'record',
    'check',
    'leave',
    'hand-over',
  ]);
  expect(task.steps.find(({ id }) => id === 'copy')?.note).toMatch(/had changed/);
  await follows(boreas, INTERVAL);
});

it('stays where it is when it does not shut down, and is kept by points again', async () => {
  await protect(INTERVAL);
  const guest = atlas.host.guest(MAIL);
  if (guest) guest.misses = 100;
  expect(await move(atlas, 'cold')).toMatchObject({ problem: { kind: 'guest-does-not-shut-down' } });
  expect(atlas.host.runs(MAIL)).toBe(true);
  await follows(atlas, INTERVAL);
}, 60_000);

it('stays where it is when it is cancelled half-way, and what was kept can be started', async () => {
  await protect(INTERVAL);
  write(atlas, 200);
  rig.world.pace.copyBps = 1e6;
  const id = randomUUID();
  const order = { pairId: PAIR, requestId: id, actor: 'spec', way: 'cold' as const, switchOff: false };
  await atlas.service.consoleHandlers['pair.switchover'](order, new AbortController().signal);
  const task = () => atlas.service.tasks().find((one) => one.id === id);
  await until(() => task()?.steps.find((step) => step.id === 'copy')?.state === 'running');
  const cancel = { taskId: id, requestId: randomUUID(), actor: 'spec' };
  await atlas.service.consoleHandlers['task.cancel'](cancel, new AbortController().signal);
  await until(() => task()?.state === 'cancelled');
  expect(atlas.host.runs(MAIL)).toBe(true);
  rig.world.pace.copyBps = 60e9;
  await follows(atlas, INTERVAL);
});

it('is refused while the standby is away, and before the first point', async () => {
  await protect(INTERVAL);
  await boreas.powerOff();
  await until(() => atlas.pair()?.peer.reachable === false);
  await expect(move(atlas, 'cold')).rejects.toMatchObject({ problem: { kind: 'peer-unreachable' } });
});

it.each(['copy', 'leave'])(
  'goes on after its agent was killed in the step %s',
  async (step) => {
    await protect(INTERVAL);
    write(atlas, 200);
    rig.world.pace.copyBps = 1e6;
    const id = randomUUID();
    const order = { pairId: PAIR, requestId: id, actor: 'spec', way: 'cold' as const, switchOff: false };
    await atlas.service.consoleHandlers['pair.switchover'](order, new AbortController().signal);
    const task = () => (atlas.running ? atlas.service.tasks().find((one) => one.id === id) : undefined);
    if (step === 'leave') rig.world.pace.copyBps = 60e9;
    await until(() => task()?.steps.find((one) => one.id === step)?.state === 'running');
    await atlas.killAgent();
    rig.world.pace.copyBps = 60e9;
    await atlas.startAgent();
    await until(() => task() !== undefined && task()?.state !== 'running');
    // Carried to its end, or told why not and left where it was: never lost, never twice.
    const runs = task()?.state === 'done' ? boreas : atlas;
    await until(() => runs.host.runs(MAIL));
    write(runs, 1);
    await follows(runs, INTERVAL);
  },
  60_000,
);
