import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, type Rig, until } from '../replication/simulated/spec-rig.ts';
import { PAIR, protectedMail } from './testing/mail.ts';

/** A person vouched that the old host is off, and was wrong: it was only cut off. docs/safety.md, "What is not promised yet". */
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  ({ rig, atlas, boreas } = await protectedMail());
});
afterEach(() => rig.close());

const failover = (forced: boolean) => {
  const expected = boreas.pair()?.record.epoch ?? { n: 0, by: '' };
  return boreas.order('pair.failover', { pairId: PAIR, expected, forced, evidence: {} });
};

it('freezes the superseded copy as soon as the two hosts see each other again, and keeps it', async () => {
  rig.world.cable('atlas', 'boreas', false);
  await until(() => atlas.pair()?.peer.reachable === false);
  expect(await failover(true)).toMatchObject({ state: 'done' });
  expect([atlas.host.runs(MAIL), boreas.host.runs(MAIL)]).toEqual([true, true]);

  rig.world.cable('atlas', 'boreas', true);
  await until(() => !atlas.host.runs(MAIL));
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  expect(boreas.host.runs(MAIL)).toBe(true);
  // Frozen, not killed: what only the old copy has is still there for a person to look at.
  expect(atlas.host.guest(MAIL)).toMatchObject({ halted: true, startedAt: expect.any(Number) });
  expect(atlas.pair()?.record.owner).toBe('boreas');

  expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  expect(atlas.pair()?.local).toMatchObject({ kind: 'standby', exports: 'open' });
});

it('refuses a failover while the old host answers that the machine runs', async () => {
  expect(await failover(true)).toMatchObject({ state: 'failed', problem: { kind: 'running-elsewhere' } });
  expect(boreas.host.runs(MAIL)).toBe(false);
  expect(atlas.host.runs(MAIL)).toBe(true);
});

it('refuses an unforced failover when the old host cannot confirm', async () => {
  rig.world.cable('atlas', 'boreas', false);
  await until(() => boreas.pair()?.peer.reachable === false);
  expect(await failover(false)).toMatchObject({ state: 'failed', problem: { kind: 'evidence-gone' } });
  expect(boreas.host.runs(MAIL)).toBe(false);
});

it('refuses a decision made on an older epoch', async () => {
  const task = await boreas.order('pair.failover', {
    pairId: PAIR,
    expected: { n: 0, by: '' },
    forced: true,
    evidence: {},
  });
  expect(task).toMatchObject({ state: 'failed', problem: { kind: 'epoch-moved' } });
});
