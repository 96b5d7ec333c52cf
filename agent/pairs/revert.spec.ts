import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

/** A takeover that nobody wanted, taken back, with a witness whose votes had given it. */
const PAIR = 'pair-mail';
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
  rig.world.pace.copyBps = 60e9;
  const order = {
    pairId: PAIR,
    vmUuid: MAIL,
    standby: 'boreas',
    witness: 'cora',
    policy: 'automatic',
  } as const;
  await atlas.order('protect.start', { ...order, profile: 'patient' });
  await until(() => atlas.pair()?.record.armed === true);
  await atlas.powerOff();
  await until(() => boreas.host.runs(MAIL));
  await atlas.powerOn();
  await until(() => atlas.pair()?.local.kind === 'quarantined');
});
afterEach(async () => {
  expect(rig.world.violations.filter((text) => text.includes('runs on'))).toEqual([]);
  await rig.close();
});

const expected = () => atlas.pair()?.record.epoch ?? { n: 0, by: '' };

it('runs the old copy again, keeps the newer one aside, and arms again once that is the standby', async () => {
  expect(await atlas.order('pair.revert', { pairId: PAIR, expected: expected() })).toMatchObject({
    state: 'done',
  });
  expect(atlas.host.runs(MAIL)).toBe(true);
  await until(() => boreas.pair()?.local.kind === 'quarantined');
  expect(boreas.host.runs(MAIL)).toBe(false);
  expect(await atlas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => atlas.pair()?.record.armed === true);
  expect(boreas.pair()?.asides).toHaveLength(2);
});

it('starts nothing here while the newer machine is not known to be down', async () => {
  rig.world.cable('atlas', 'boreas', false);
  await until(() => atlas.pair()?.peer.reachable === false);
  expect(await atlas.order('pair.revert', { pairId: PAIR, expected: expected() })).toMatchObject({
    state: 'failed',
  });
  expect(atlas.host.runs(MAIL)).toBe(false);
  expect(boreas.host.runs(MAIL)).toBe(true);
});

it('refuses when the machine has changed sides since the person looked', async () => {
  const order = { pairId: PAIR, expected: { n: 1, by: '' } };
  expect(await atlas.order('pair.revert', order)).toMatchObject({
    state: 'failed',
    problem: { kind: 'epoch-moved' },
  });
  expect(boreas.host.runs(MAIL)).toBe(true);
});

it('goes on when the agent was replaced on its way', async () => {
  const ordered = atlas.order('pair.revert', { pairId: PAIR, expected: expected() }).catch(() => null);
  await until(() => !boreas.host.runs(MAIL) || atlas.service.tasks().some(({ kind }) => kind === 'revert'));
  await atlas.stopAgent();
  await atlas.startAgent();
  await until(() => atlas.host.runs(MAIL));
  await until(() => boreas.pair()?.local.kind === 'quarantined');
  void ordered;
});
