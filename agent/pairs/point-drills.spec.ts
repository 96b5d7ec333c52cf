import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isTrial } from '../drill/stage.ts';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import type { ReplicationMode } from '../protocol/index.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

/** Trials of restore points, beside a copy that goes on following. */
const PAIR = 'pair-mail';
const RETENTION = { last: 3, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: ReplicationMode = { kind: 'interval', everyS: 30, retention: RETENTION };
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
  rig.world.pace.copyBps = 60e9;
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', replication: INTERVAL };
  expect(await atlas.order('protect.start', order)).toMatchObject({ state: 'done' });
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  expect(rig.warnings).toEqual([]);
  await rig.close();
});

const points = () => boreas.pair()?.restorePoints ?? [];
const follow = () => atlas.pair()?.mirror?.follow;
const newer = async (): Promise<void> => {
  atlas.host.write(MAIL);
  const before = follow()?.point?.id;
  await until(() => follow()?.point != null && follow()?.point?.id !== before);
};
const trials = () => [...boreas.host.guests.values()].filter(({ domain }) => isTrial(domain.uuid));
const drill = (point: string | null = null) => boreas.order('pair.drill', { pairId: PAIR, standS: 0, point });
async function standing(point: string): Promise<string> {
  const id = randomUUID();
  const order = { pairId: PAIR, requestId: id, actor: 'spec', standS: 3600, point };
  await boreas.service.consoleHandlers['pair.drill'](order, new AbortController().signal);
  await until(
    () =>
      taskOf(id)
        ?.steps.find((step) => step.id === 'answer')
        ?.note?.includes('standing') === true,
  );
  return id;
}
const taskOf = (id: string) => boreas.service.tasks().find((task) => task.id === id);
function expectNoTrace(): void {
  expect(trials()).toEqual([]);
  expect(boreas.host.points.size).toBe(0);
  expect([...boreas.host.images.keys()].filter((path) => /point-|drill/.test(path))).toEqual([]);
}

it('tries the newest point, or an older one, and says which', async () => {
  await newer();
  await newer();
  const [oldest] = points();
  expect(await drill()).toMatchObject({ state: 'done' });
  expect(await drill(oldest?.id)).toMatchObject({ state: 'done' });
  const [older, newest] = boreas.pair()?.drill?.results ?? [];
  expect(older).toMatchObject({ outcome: 'passed', restorePoint: oldest });
  expect(newest?.restorePoint?.at).toBeGreaterThan(oldest?.at ?? Number.POSITIVE_INFINITY);
  expectNoTrace();
});

it('goes on following meanwhile: the point on trial stays as it is, and is not given up', async () => {
  await newer();
  const [oldest] = points();
  const id = await standing(oldest?.id ?? '');
  const [trial] = trials();
  const [disk] = trial?.domain.disks ?? [];
  const before = boreas.host.images.get(disk?.path ?? '')?.version;
  for (let n = 0; n < 4; n++) await newer();
  expect(taskOf(id)?.state).toBe('running');
  expect(points().map((point) => point.id)).toContain(oldest?.id);
  expect(points().length).toBeGreaterThan(RETENTION.last);
  expect(boreas.host.images.get(disk?.path ?? '')?.version).toBe(before);
  boreas.service.consoleHandlers['task.cancel'](
    { requestId: randomUUID(), taskId: id, actor: 'spec' },
    new AbortController().signal,
  );
  await until(() => taskOf(id)?.state === 'cancelled');
  // What waited for it is given up after the next point.
  await newer();
  await until(() => points().length === RETENTION.last);
  expectNoTrace();
});

it('refuses a point that is not kept, and a copy without any', async () => {
  await expect(drill('nothing')).rejects.toMatchObject({ problem: { kind: 'point-gone' } });
});

it('makes way for a failover to another point', async () => {
  await newer();
  const [oldest] = points();
  const id = await standing(oldest?.id ?? '');
  await atlas.powerOff();
  const expected = boreas.pair()?.record.epoch ?? { n: 0, by: '' };
  const order = { pairId: PAIR, expected, forced: true, evidence: {}, point: null };
  expect(await boreas.order('pair.failover', order)).toMatchObject({ state: 'done' });
  expect(boreas.host.runs(MAIL)).toBe(true);
  await until(() => taskOf(id)?.state === 'cancelled');
  expectNoTrace();
});

it('is taken down and told by the agent that follows one that was killed', async () => {
  await newer();
  const id = await standing(points()[0]?.id ?? '');
  await boreas.killAgent();
  await boreas.startAgent();
  await until(() => taskOf(id)?.state === 'failed');
  expect(taskOf(id)?.problem?.kind).toBe('drill-interrupted');
  expectNoTrace();
  await newer();
});
