import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import type { SimulatedGuest } from '../../hypervisor/simulated/types.ts';
import type { Task } from '../../protocol/index.ts';
import { type Box, Rig, until } from '../../replication/simulated/spec-rig.ts';

/** Switchover of a running machine, and what becomes of it when something breaks at each stage. */
const PAIR = 'pair-mail';
let rig: Rig;
let atlas: Box;
let boreas: Box;
let begun: number | null;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
  await atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas' });
  begun = guest(atlas)?.startedAt ?? null;
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  await rig.close();
});

const guest = (box: Box): SimulatedGuest | undefined => box.host.guest(MAIL);
const runsOn = (box: Box): boolean => box.host.runs(MAIL);
const hasProcess = (box: Box): boolean => (guest(box)?.startedAt ?? null) !== null;
const inSync = (box: Box): boolean => box.running && box.pair()?.record.replica.state === 'in-sync';
const switchover = (from: Box, way: 'auto' | 'live' | 'cold' = 'live'): Promise<Task> =>
  from.order('pair.switchover', { pairId: PAIR, way, switchOff: false });

/** Orders it and comes back at once. Its memory moves for as long as `goesOn` is not called: nothing is missed. */
async function begin(): Promise<string> {
  rig.world.pace.memoryBps = 1e6;
  const { task } = await atlas.service.consoleHandlers['pair.switchover'](
    { pairId: PAIR, way: 'live', switchOff: false, requestId: randomUUID(), actor: 'spec' },
    new AbortController().signal,
  );
  return task.id;
}
const goesOn = (): void => {
  rig.world.pace.memoryBps = 1e9;
};
/** At the very moment in which it stands still to leave. */
const whenLeaving = (): Promise<void> =>
  new Promise((resolve) => {
    const off = atlas.host.subscribe((event) => {
      if (event.kind !== 'vm' || event.vm?.pause !== 'leaving') return;
      off();
      resolve();
    });
    goesOn();
  });
const taskOf = (box: Box, id: string): Task | undefined => box.service.tasks().find((task) => task.id === id);
async function ended(id: string): Promise<Task | undefined> {
  await until(() => atlas.running && taskOf(atlas, id)?.state !== 'running');
  return taskOf(atlas, id);
}

it('moves a machine that never stops, there and back', async () => {
  expect(await switchover(atlas)).toMatchObject({ state: 'done' });
  expect(runsOn(boreas)).toBe(true);
  expect(guest(boreas)?.booted).toBe(true);
  expect(boreas.host.write(MAIL)).toBe('acknowledged');
  await until(() => !hasProcess(atlas));
  await until(() => inSync(boreas));
  expect(await switchover(boreas)).toMatchObject({ state: 'done' });
  expect(runsOn(atlas)).toBe(true);
  expect(boreas.pair()?.local).toMatchObject({ kind: 'standby' });
});

/** How the copies came to agree again, by each host's history. */
async function ways(box: Box): Promise<string[]> {
  const text = await readFile(join(rig.folder, box.host.name, 'audit.log'), 'utf8');
  return [...text.matchAll(/"way":"(\w+)"/g)].map(([, way]) => way ?? '');
}

it.each(['live', 'cold'] as const)(
  'sends afterwards what was written since, and compares nothing (%s)',
  async (way) => {
    expect(await switchover(atlas, way)).toMatchObject({ state: 'done' });
    await until(() => boreas.host.write(MAIL) === 'acknowledged');
    await until(() => inSync(boreas));
    expect(await ways(boreas)).toEqual(['changes']);
    expect(await switchover(boreas, way)).toMatchObject({ state: 'done' });
    await until(() => inSync(atlas));
    expect(await ways(atlas)).toEqual(['changes']);
  },
);

it('compares both sides when the process that noted the writes is no more', async () => {
  expect(await switchover(atlas)).toMatchObject({ state: 'done' });
  await atlas.powerOff();
  await until(() => boreas.host.write(MAIL) === 'acknowledged');
  const there = guest(boreas);
  if (there) boreas.host.endGuest(there, 'crashed');
  await until(() => runsOn(boreas));
  await atlas.powerOn();
  await until(() => inSync(boreas));
  expect((await ways(boreas)).at(-1)).toBe('compare');
});

it('shuts a machine down that cannot move while it runs, unless told to move it live', async () => {
  guest(atlas)?.domain.hostBound.push('a USB stick');
  await expect(switchover(atlas)).rejects.toMatchObject({
    problem: { kind: 'not-movable', message: expect.stringContaining('a USB stick') },
  });
  const task = await switchover(atlas, 'auto');
  expect(task).toMatchObject({ state: 'done' });
  expect(task.steps.map((step) => step.label)).toContain('Shut mail down');
  expect(runsOn(boreas)).toBe(true);
});

it('says beforehand whether it could be live', async () => {
  const ask = () =>
    atlas.service.consoleHandlers['pair.switchover.check']({ pairId: PAIR }, new AbortController().signal);
  expect(await ask()).toEqual({ live: true, hindrances: [] });
  guest(atlas)?.domain.hostBound.push('a USB stick');
  expect(await ask()).toMatchObject({ live: false, hindrances: [expect.stringContaining('USB')] });
});

it('leaves it running where it was when cancelled on the way', async () => {
  const id = await begin();
  await until(() => guest(boreas)?.pause === 'incoming');
  await atlas.service.consoleHandlers['task.cancel'](
    { taskId: id, requestId: randomUUID(), actor: 'spec' },
    new AbortController().signal,
  );
  expect(await ended(id)).toMatchObject({ state: 'cancelled' });
  expect(runsOn(atlas)).toBe(true);
  expect(guest(atlas)?.startedAt).toBe(begun);
  expect(atlas.pair()?.mirror?.state).toBe('in-sync');
  await until(() => guest(boreas) === undefined);
});

it('leaves it running where it was when the other host dies on the way', async () => {
  const id = await begin();
  await until(() => guest(boreas)?.pause === 'incoming');
  await boreas.powerOff();
  expect(await ended(id)).toMatchObject({ state: 'failed' });
  await until(() => runsOn(atlas));
  expect(guest(atlas)?.startedAt).toBe(begun);
  await boreas.powerOn();
  await until(() => inSync(atlas));
  expect(hasProcess(boreas)).toBe(false);
});

it('leaves it running where it was when the network breaks in the pause', async () => {
  const id = await begin();
  await whenLeaving();
  rig.world.cable('atlas', 'boreas', false);
  await until(() => runsOn(atlas) || runsOn(boreas));
  expect(await ended(id)).toBeDefined();
  rig.world.cable('atlas', 'boreas', true);
  await until(() => inSync(atlas) || inSync(boreas));
  expect([atlas, boreas].filter(runsOn)).toHaveLength(1);
});

it('forgets what came in when the sender dies', async () => {
  await begin();
  await until(() => guest(boreas)?.pause === 'incoming');
  await atlas.powerOff();
  await until(() => guest(boreas) === undefined);
  await atlas.powerOn();
  await until(() => runsOn(atlas));
});

it.each(['copying', 'leaving'])('goes on or goes back when its agent is restarted (%s)', async (stage) => {
  const id = await begin();
  if (stage === 'leaving') await whenLeaving();
  else await until(() => guest(boreas)?.pause === 'incoming');
  await atlas.stopAgent();
  goesOn();
  await atlas.startAgent();
  expect(['done', 'failed']).toContain((await ended(id))?.state);
  await until(() => runsOn(atlas) || runsOn(boreas));
  await until(() => inSync(atlas) || inSync(boreas));
  const [home] = [atlas, boreas].filter(runsOn);
  expect([atlas, boreas].filter(runsOn)).toHaveLength(1);
  if (home === atlas) expect(guest(atlas)?.startedAt).toBe(begun);
});

it('goes on where it was when the receiving agent is restarted on the way', async () => {
  const id = await begin();
  await until(() => guest(boreas)?.pause === 'incoming');
  await boreas.stopAgent();
  await boreas.startAgent();
  expect(await ended(id)).toMatchObject({ state: 'failed' });
  expect(runsOn(atlas)).toBe(true);
  expect(guest(atlas)?.startedAt).toBe(begun);
});

it('is not misled by the late end of a process that an agent before it had taken in', async () => {
  const id = await begin();
  await until(() => guest(boreas) !== undefined);
  expect(guest(boreas)?.pause).toBeUndefined();
  boreas.host.tell({ kind: 'stopped', uuid: MAIL, reason: 'destroyed' });
  await until(() => guest(boreas)?.pause === 'incoming');
  goesOn();
  expect(await ended(id)).toMatchObject({ state: 'done', problem: null });
  await until(() => runsOn(boreas));
});

it('takes it back with its memory when the new host cannot go on with it', async () => {
  rig.world.pace.memoryLost = true;
  expect(await switchover(atlas)).toMatchObject({ state: 'failed', problem: { kind: 'taken-back' } });
  await until(() => runsOn(atlas));
  expect(guest(atlas)?.startedAt).toBe(begun);
  expect(atlas.pair()?.record.epoch.n).toBe(3);
  await until(() => inSync(atlas));
  expect(hasProcess(boreas)).toBe(false);
});

it('goes on within a second when its images were still locked', async () => {
  const { hypervisor } = boreas;
  if (hypervisor === null) throw new Error('no agent');
  const resume = hypervisor.resume.bind(hypervisor);
  const tried: number[] = [];
  hypervisor.resume = async (uuid) => {
    tried.push(rig.world.clock.bootMs());
    const problem = { kind: 'vm-resume-failed', message: 'Failed to get "write" lock', next: 'Wait.' };
    return tried.length < 3 ? { ok: false, problem } : resume(uuid);
  };
  expect(await switchover(atlas)).toMatchObject({ state: 'done' });
  await until(() => runsOn(boreas));
  expect(tried).toHaveLength(3);
  expect((tried.at(-1) ?? 0) - (tried[0] ?? 0)).toBeLessThan(2_000);
});

it('does not move what is out of step', async () => {
  rig.world.cable('atlas', 'boreas', false);
  await until(() => atlas.pair()?.record.replica.state === 'stale');
  rig.world.cable('atlas', 'boreas', true);
  expect(await switchover(atlas).catch((error: unknown) => error)).toMatchObject({
    problem: { kind: expect.stringMatching(/not-in-sync|peer-unreachable|not-movable/) },
  });
  expect(runsOn(atlas)).toBe(true);
});

it('leaves nothing behind when it is given up while the other host still makes ready', async () => {
  await begin();
  await until(() => boreas.host.guest(MAIL) !== undefined);
  expect(guest(boreas)?.pause).toBeUndefined();
  await atlas.powerOff();
  const expected = boreas.pair()?.record.epoch ?? { n: 0, by: '' };
  const order = { pairId: PAIR, expected, forced: true, evidence: {} };
  expect(await boreas.order('pair.failover', order)).toMatchObject({ state: 'done' });
  await until(() => runsOn(boreas));
  expect(guest(boreas)?.pause).toBeUndefined();
});
