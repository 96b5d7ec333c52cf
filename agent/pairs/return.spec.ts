import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';
import { OWN_ORDER } from './healer.ts';

/** Breaks with both sides alive, returns after a failover, second failures in the middle, and ways back. */
const PAIR = 'pair-mail';
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
  rig.world.pace.copyBps = 60e9;
  await atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas' });
});
afterEach(() => rig.close());

const epochAt = (box: Box) => box.pair()?.record.epoch ?? { n: 0, by: '' };
const inSync = (box: Box): boolean =>
  box.pair()?.mirror?.state === 'in-sync' && box.pair()?.record.replica.state === 'in-sync';
const write = (box: Box, times: number): void => {
  for (let n = 0; n < times; n++) box.host.write(MAIL);
};
const versionsAt = (box: Box): number[] =>
  [...box.host.images.values()].filter(({ path }) => path.endsWith('.qcow2')).map(({ version }) => version);
const forced = (box: Box) =>
  box.order('pair.failover', { pairId: PAIR, expected: epochAt(box), forced: true, evidence: {} });
const lastCopy = (box: Box) =>
  box.service
    .tasks()
    .filter(({ kind, state }) => kind === 'resync' && state === 'done')
    .at(-1)
    ?.steps.find(({ id }) => id === 'copy')?.note;

async function breakAndWrite(): Promise<void> {
  rig.world.cable('atlas', 'boreas', false);
  await until(() => atlas.pair()?.record.replica.state === 'stale');
  write(atlas, 16);
}

async function failedOver(): Promise<void> {
  await atlas.powerOff();
  expect(await forced(boreas)).toMatchObject({ state: 'done' });
  write(boreas, 5);
  await atlas.powerOn();
  await until(() => atlas.pair()?.local.kind === 'quarantined');
}

it('sends what changed after a break, by itself', async () => {
  await breakAndWrite();
  rig.world.cable('atlas', 'boreas', true);
  await until(() => inSync(atlas));
  await until(() => lastCopy(atlas) !== undefined);
  expect(lastCopy(atlas)).toContain('1.0 MiB had changed');
});

it('compares after the guest was started anew', async () => {
  await breakAndWrite();
  await atlas.powerOff();
  await atlas.powerOn();
  rig.world.cable('atlas', 'boreas', true);
  await until(() => inSync(atlas));
  await until(() => lastCopy(atlas) !== undefined);
  expect(lastCopy(atlas)).toContain('differed');
});

it('starts from the point when the second host is lost while the copy is being written over', async () => {
  write(atlas, 7);
  await breakAndWrite();
  const [before] = versionsAt(boreas);
  rig.world.pace.copyBps = 1_000;
  rig.world.cable('atlas', 'boreas', true);
  await until(() => boreas.pair()?.point != null && atlas.pair()?.mirror?.state === 'copying');
  await atlas.powerOff();
  expect(await forced(boreas)).toMatchObject({ state: 'done' });
  expect(boreas.host.runs(MAIL)).toBe(true);
  expect(versionsAt(boreas)[0]).toBe(before);
});

it('takes nobody over by itself while the copy is being written over', async () => {
  await breakAndWrite();
  rig.world.pace.copyBps = 1_000;
  rig.world.cable('atlas', 'boreas', true);
  await until(() => boreas.pair()?.point != null);
  expect(boreas.pair()?.record).toMatchObject({ armed: false, replica: { state: 'catching-up' } });
});

it('makes the returned host standby on its old disk, which a person then discards', async () => {
  await failedOver();
  expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => inSync(boreas) && atlas.pair()?.asides?.length === 2);
  expect(await atlas.order('pair.discard', { pairId: PAIR })).toMatchObject({ state: 'done' });
  expect(atlas.pair()?.asides).toEqual([]);
  expect([...atlas.host.images.keys()].filter((path) => path.includes('aside'))).toEqual([]);
});

it('gives a person\u2019s order again that came to nothing because the other host went away', async () => {
  await failedOver();
  rig.world.pace.copyBps = 1_000_000;
  const ordered = boreas.order('pair.resync', { pairId: PAIR });
  await until(() =>
    boreas.service.tasks().some(({ kind, state }) => kind === 'resync' && state === 'running'),
  );
  rig.world.cable('atlas', 'boreas', false);
  expect(await ordered).toMatchObject({ state: 'failed' });
  rig.world.pace.copyBps = 60e9;
  rig.world.cable('atlas', 'boreas', true);
  await until(() => inSync(boreas));
  expect(atlas.pair()?.local.kind).toBe('standby');
});

it('goes back to the old copy after a failover made by mistake, and keeps the newer one aside', async () => {
  write(atlas, 3);
  await failedOver();
  const old = versionsAt(atlas);
  const newer = versionsAt(boreas);
  expect(await atlas.order('pair.revert', { pairId: PAIR, expected: epochAt(atlas) })).toMatchObject({
    state: 'done',
  });
  expect(atlas.host.runs(MAIL)).toBe(true);
  expect(boreas.host.runs(MAIL)).toBe(false);
  expect(versionsAt(atlas)).toEqual(old);
  await until(() => boreas.pair()?.local.kind === 'quarantined');
  expect(versionsAt(boreas)).toEqual(newer);
  expect(await atlas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => inSync(atlas));
});

it('resumes a resync in whose midst either agent was replaced', async () => {
  await breakAndWrite();
  rig.world.pace.copyBps = 200_000;
  rig.world.cable('atlas', 'boreas', true);
  await until(() => atlas.pair()?.mirror?.state === 'copying');
  await boreas.stopAgent();
  await boreas.startAgent();
  await atlas.stopAgent();
  await atlas.startAgent();
  rig.world.pace.copyBps = 60e9;
  await until(() => inSync(atlas));
});

/** Resolves as soon as a resync of the owner is at that step: one that it ordered itself, or a person's. */
function atStep(owner: Box, step: string, whose: 'own' | 'person' = 'own'): Promise<void> {
  const isThere = (): boolean =>
    owner.service
      .tasks()
      .some(
        ({ id: order, kind, steps }) =>
          kind === 'resync' &&
          order.startsWith(OWN_ORDER) === (whose === 'own') &&
          steps.some(({ id, state }) => id === step && state === 'running'),
      );
  return new Promise((resolve) => {
    const end = owner.service.subscribe(() => {
      if (!isThere()) return;
      end();
      resolve();
    });
    if (isThere()) {
      end();
      resolve();
    }
  });
}

const STEPS = ['ask', 'prepare', 'copy', 'record'];

it.each(STEPS.flatMap((step) => ['atlas', 'boreas'].map((host) => [step, host])))(
  'goes on after a break when in the midst of "%s" the agent of %s is replaced',
  async (step, host) => {
    await breakAndWrite();
    const reached = atStep(atlas, step);
    rig.world.cable('atlas', 'boreas', true);
    await reached;
    await rig.box(host).stopAgent();
    await rig.box(host).startAgent();
    await until(() => inSync(atlas));
    await until(() => boreas.pair()?.local.kind === 'standby' && boreas.pair()?.point == null);
    expect(versionsAt(boreas)).toEqual(versionsAt(atlas));
    expect(rig.world.violations).toEqual([]);
  },
);

it.each(STEPS.flatMap((step) => ['atlas', 'boreas'].map((host) => [step, host])))(
  'goes on with a return when in the midst of "%s" the agent of %s is replaced, and keeps the old disk',
  async (step, host) => {
    write(atlas, 9);
    await failedOver();
    const old = versionsAt(atlas);
    const reached = atStep(boreas, step, 'person');
    void boreas.order('pair.resync', { pairId: PAIR }).catch(() => undefined);
    await reached;
    await rig.box(host).stopAgent();
    await rig.box(host).startAgent();
    await until(() => inSync(boreas));
    await until(() => atlas.pair()?.local.kind === 'standby' && atlas.pair()?.asides?.length === 2);
    const aside = [...atlas.host.images.values()].filter(({ path }) => path.includes('aside'));
    expect(aside.map(({ version }) => version)).toEqual(old);
    expect(versionsAt(atlas)).toEqual(versionsAt(boreas));
    expect(rig.world.violations).toEqual([]);
  },
);
