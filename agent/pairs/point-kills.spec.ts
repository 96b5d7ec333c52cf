import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import type { ReplicationMode } from '../protocol/index.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

/** Agents killed in the middle of what makes points: gone on with, nothing kept twice, nothing lost. */
const PAIR = 'pair-mail';
const RETENTION = { last: 3, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: ReplicationMode = { kind: 'interval', everyS: 30, retention: RETENTION };
const PROTECT = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', replication: INTERVAL };
const FAST = 60e9;
const SLOW = 1e6;
let rig: Rig;
let boxes: Record<'atlas' | 'boreas', Box>;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  boxes = { atlas: rig.box('atlas'), boreas: rig.box('boreas') };
  rig.world.pace.copyBps = FAST;
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  await rig.close();
});

const points = (box: Box) => (box.running ? (box.pair()?.restorePoints ?? []) : []);
const write = (box: Box, times: number): void => {
  for (let n = 0; n < times; n++) expect(box.host.write(MAIL)).toBe('acknowledged');
};
const taskOf = (box: Box, id: string) =>
  box.running ? box.service.tasks().find((task) => task.id === id) : undefined;
const atStep = (box: Box, id: string, step: string): Promise<void> =>
  until(() => taskOf(box, id)?.steps.find((one) => one.id === step)?.state === 'running');
async function replaced(box: Box): Promise<void> {
  await box.killAgent();
  rig.world.pace.copyBps = FAST;
  await box.startAgent();
}
const failover = (box: Box, point: string | null = null) => {
  const expected = box.pair()?.record.epoch ?? { n: 0, by: '' };
  return box.order('pair.failover', { pairId: PAIR, expected, forced: true, evidence: {}, point });
};

it.each(['atlas', 'boreas'] as const)(
  'the first point comes about though the agent of %s is killed in it',
  async (who) => {
    const { atlas, boreas } = boxes;
    write(atlas, 50);
    rig.world.pace.copyBps = SLOW;
    const ended = atlas.order('protect.start', PROTECT).catch(() => null);
    const id = await new Promise<string>((resolve) => {
      const look = setInterval(() => {
        const task = atlas.running ? atlas.service.tasks().find(({ kind }) => kind === 'protect') : undefined;
        if (!task) return;
        clearInterval(look);
        resolve(task.id);
      }, 2);
    });
    await atStep(atlas, id, 'copy');
    await replaced(boxes[who]);
    await until(() => taskOf(atlas, id)?.state !== 'running' && taskOf(atlas, id) !== undefined);
    const { state } = taskOf(atlas, id) ?? {};
    // The standby's agent is away for a moment: the first copy then says so, and nothing of it stays.
    if (state === 'done') await until(() => points(boreas).length > 0);
    else await until(() => atlas.pair() === undefined && [...boreas.host.images.keys()].length === 0);
    expect(atlas.host.runs(MAIL)).toBe(true);
    await ended;
  },
);

it.each([
  ['atlas', 'aside'],
  ['atlas', 'copy'],
  ['boreas', 'aside'],
  ['boreas', 'copy'],
] as const)(
  'the return over the old disk goes on though the agent of %s is killed (%s)',
  async (who, step) => {
    const { atlas, boreas } = boxes;
    await atlas.order('protect.start', PROTECT);
    write(atlas, 5);
    await atlas.powerOff();
    await failover(boreas);
    write(boreas, 40);
    await atlas.powerOn();
    await until(() => atlas.pair()?.local.kind === 'quarantined');
    rig.world.pace.copyBps = SLOW;
    const id = randomUUID();
    const order = { pairId: PAIR, requestId: id, actor: 'spec' };
    await boreas.service.consoleHandlers['pair.resync'](order, new AbortController().signal);
    // At once, or when the old disk has just been laid under the points to come.
    if (step === 'aside')
      await until(() => [...atlas.host.images.keys()].some((path) => path.includes('.aside-')));
    else await atStep(boreas, id, step);
    await replaced(boxes[who]);
    await until(() => points(atlas).length > 0);
    await until(() => boreas.running && boreas.pair()?.mirror?.state === 'following');
    // One old disk for each, once.
    const asides = atlas.pair()?.asides ?? [];
    expect(asides.filter(({ under }) => under).length).toBe(2);
    await atlas.order('pair.discard', { pairId: PAIR });
    expect(atlas.pair()?.asides).toEqual([]);
    await boreas.powerOff();
    expect(await failover(atlas)).toMatchObject({ state: 'done' });
  },
  30_000,
);

it('what was begun of a later point counts for nothing, and the one before can be started', async () => {
  const { atlas, boreas } = boxes;
  await atlas.order('protect.start', PROTECT);
  const before = points(boreas).length;
  write(atlas, 300);
  rig.world.pace.copyBps = SLOW;
  await until(() => boreas.host.exports.has(PAIR));
  await replaced(boreas);
  await replaced(atlas);
  await atlas.powerOff();
  expect(points(boreas).length).toBeGreaterThanOrEqual(before);
  expect(await failover(boreas)).toMatchObject({ state: 'done' });
});
