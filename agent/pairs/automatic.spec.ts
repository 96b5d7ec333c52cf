import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

/**
 * Two hosts and a witness: what the agents do by themselves, on simulated hosts. Time runs twenty times as fast there, so
 * the lease is a long one: a busy machine must not look like a dead host.
 */
const PAIR = 'pair-mail';
let rig: Rig;
let atlas: Box;
let boreas: Box;
let cora: Box;
let writer: ReturnType<typeof setInterval>;

const record = (box: Box) => box.pair()?.record;
const armed = (box: Box): boolean => record(box)?.armed === true;

beforeEach(async () => {
  rig = await Rig.open([
    { name: 'atlas', guests: [{ ...guestDraft() }] },
    { name: 'boreas' },
    { name: 'cora' },
  ]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
  cora = rig.box('cora');
  rig.world.pace.copyBps = 60e9;
  writer = setInterval(() => {
    for (const box of [atlas, boreas]) if (box.host.runs(MAIL)) box.host.write(MAIL);
  }, 2);
  const order = {
    pairId: PAIR,
    vmUuid: MAIL,
    standby: 'boreas',
    witness: 'cora',
    policy: 'automatic',
  } as const;
  expect(await atlas.order('protect.start', { ...order, profile: 'patient' })).toMatchObject({
    state: 'done',
  });
  await until(() => armed(atlas));
});

afterEach(async () => {
  clearInterval(writer);
  expect(rig.world.violations).toEqual([]);
  expect(rig.warnings).toEqual([]);
  await rig.close();
});

it('is started by a person when host and witness are lost together; both learn it when they are back', async () => {
  await Promise.all([atlas, cora].map((box) => box.powerOff()));
  await until(() => boreas.pair()?.peer.reachable === false);
  const expected = record(boreas)?.epoch ?? { n: 0, by: '' };
  const order = { pairId: PAIR, expected, forced: true, evidence: {}, point: null };
  expect(await boreas.order('pair.failover', order)).toMatchObject({ state: 'done', problem: null });
  expect(boreas.host.runs(MAIL)).toBe(true);
  expect(record(boreas)).toMatchObject({ owner: 'boreas', begun: true, forced: true, armed: false });

  await Promise.all([atlas, cora].map((box) => box.powerOn()));
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  expect([atlas.host.runs(MAIL), boreas.host.runs(MAIL)]).toEqual([false, true]);
  expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => armed(boreas));
});

it('takes over when the host is lost; the old copy is set aside, and made standby again arms again', async () => {
  await atlas.powerOff();
  await until(() => boreas.host.runs(MAIL));
  expect(record(boreas)).toMatchObject({
    owner: 'boreas',
    change: 'takeover',
    epoch: { n: 2 },
    armed: false,
  });
  await atlas.powerOn();
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  expect(atlas.host.runs(MAIL)).toBe(false);
  expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => armed(boreas));
});

it('freezes an owner that is cut off, and never lets two run', async () => {
  rig.world.cable('atlas', 'boreas', false);
  rig.world.cable('atlas', 'cora', false);
  await until(() => boreas.host.runs(MAIL));
  expect(atlas.host.runs(MAIL)).toBe(false);
  rig.world.cable('atlas', 'boreas', true);
  rig.world.cable('atlas', 'cora', true);
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  // Only a majority's word that the other has begun ends the old process.
  await until(() => atlas.host.guest(MAIL)?.startedAt === null);
});

it('disarms when the witness goes, so that the machine is not stopped, and arms when it is back', async () => {
  await cora.powerOff();
  await until(() => record(atlas)?.armed === false);
  expect(atlas.host.runs(MAIL)).toBe(true);
  expect(atlas.pair()?.lease.hindrances.map(({ kind }) => kind)).toContain('voter-missing');
  await cora.powerOn();
  await until(() => armed(atlas));
  expect(atlas.host.guest(MAIL)?.startedAt).toBeLessThan(rig.world.clock.now() - 60_000);
});

it('does nothing to the machine when an agent is restarted', async () => {
  const before = atlas.host.guest(MAIL)?.startedAt;
  const halt = vi.spyOn(atlas.host, 'halt');
  for (const box of [atlas, boreas, cora]) {
    await box.stopAgent();
    await box.startAgent();
  }
  await until(() => armed(atlas));
  expect(atlas.host.guest(MAIL)?.startedAt).toBe(before);
  expect(halt.mock.calls.filter(([, halted]) => halted)).toEqual([]);
  expect(record(atlas)?.epoch.n).toBe(1);
});

it('starts a machine whose process died again in place', async () => {
  const guest = atlas.host.guest(MAIL);
  if (guest) atlas.host.endGuest(guest, 'crashed');
  await until(() => atlas.host.runs(MAIL));
  await until(() => armed(atlas));
  expect(record(atlas)).toMatchObject({ owner: 'atlas', epoch: { n: 1 } });
});

it('leaves a machine down that somebody shut down, and nobody takes it over', async () => {
  const guest = atlas.host.guest(MAIL);
  if (guest) atlas.host.endGuest(guest, 'shutdown');
  await until(() => record(atlas)?.armed === false);
  await atlas.powerOff();
  const { now } = rig.world.clock;
  const later = now() + 90_000;
  await until(() => now() > later);
  expect(boreas.host.runs(MAIL)).toBe(false);
  expect(record(boreas)?.owner).toBe('atlas');
});

it('runs again after a power cut of everything, without anyone touching it', async () => {
  await Promise.all([atlas.powerOff(), boreas.powerOff(), cora.powerOff()]);
  await Promise.all([cora.powerOn(), boreas.powerOn(), atlas.powerOn()]);
  await until(() => atlas.host.runs(MAIL) || boreas.host.runs(MAIL));
});

it('does nothing by itself under a manual policy, and switches over by order', async () => {
  await atlas.consoleCall('pair.settings', { pairId: PAIR, change: { policy: 'manual' } });
  expect(armed(atlas)).toBe(false);
  expect(await atlas.order('pair.switchover', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => boreas.host.runs(MAIL));
  await boreas.powerOff();
  const { now } = rig.world.clock;
  const later = now() + 90_000;
  await until(() => now() > later);
  expect(atlas.host.runs(MAIL)).toBe(false);
});

it('gets another witness while it runs', async () => {
  await atlas.consoleCall('pair.witness', { pairId: PAIR, witness: null });
  expect(record(atlas)).toMatchObject({ voters: ['atlas'], armed: false });
  await atlas.consoleCall('pair.witness', { pairId: PAIR, witness: 'cora' });
  await until(() => armed(atlas));
  expect(record(boreas)?.voters).toEqual(['atlas', 'boreas', 'cora']);
});

it('keeps no vote on a host that was away when it ceased to be the witness', async () => {
  await cora.powerOff();
  await until(() => record(atlas)?.armed === false);
  await atlas.consoleCall('pair.witness', { pairId: PAIR, witness: null });
  await cora.powerOn();
  expect(cora.service.votes()).toEqual([PAIR]);
  await until(() => cora.service.votes().length === 0);
});
