import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSimulatedHypervisor } from '../hypervisor/simulated/simulated.ts';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

let rig: Rig;
let atlas: Box;

beforeEach(async () => {
  rig = await Rig.open([
    { name: 'atlas', guests: [{ ...guestDraft() }] },
    { name: 'boreas' },
    { name: 'cora' },
  ]);
  atlas = rig.box('atlas');
  rig.world.pace.copyBps = 60e9;
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  await rig.close();
});

const protect = async (how: object = {}): Promise<void> => {
  const order = { pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas', ...how };
  expect(await atlas.order('protect.start', order)).toMatchObject({ state: 'done' });
};

const passes = async (ms: number): Promise<void> => {
  const { now } = rig.world.clock;
  const later = now() + ms;
  await until(() => now() > later);
};

it('does not bring back a machine that was undefined by hand, until it is defined again', async () => {
  await protect();
  const text = atlas.pair()?.spec.definitions.atlas ?? '';
  const admin = createSimulatedHypervisor(atlas.host);
  await admin.destroy(MAIL);
  await admin.undefine(MAIL);
  await atlas.powerOff();
  await atlas.powerOn();
  await until(() => atlas.pair()?.local.kind === 'waiting');
  expect(atlas.pair()?.local).toMatchObject({ reason: expect.stringMatching(/no longer defined/) });
  expect(atlas.host.guest(MAIL)).toBeUndefined();

  // Its autostart was on before protection, and it was on at the last boot: it is wanted again.
  expect(await createSimulatedHypervisor(atlas.host).define(text)).toMatchObject({ ok: true });
  await until(() => atlas.host.runs(MAIL));
});

it.each([
  ['destroyed', { kind: 'primary', vm: 'stopped', defined: false }],
  // Nobody meant this end: once it is defined again it starts by itself.
  ['crashed', { kind: 'waiting' }],
] as const)('leaves an armed machine down that was undefined and then %s', async (reason, local) => {
  await protect({ witness: 'cora', policy: 'automatic' });
  await until(() => atlas.pair()?.record.armed === true);
  const guest = atlas.host.guest(MAIL);
  // One that was undefined while it ran is gone the moment it ends.
  if (guest) atlas.host.endGuest(guest, reason);
  atlas.host.guests.delete(MAIL);
  atlas.host.tell({ kind: 'vm', uuid: MAIL, vm: null });
  await until(() => atlas.pair()?.record.armed === false);
  await passes(20_000);
  expect(atlas.pair()?.local).toMatchObject(local);
  expect(atlas.host.guest(MAIL)).toBeUndefined();
  expect(rig.box('boreas').host.runs(MAIL)).toBe(false);
});

it('starts with its host a machine that did so before it was protected, though it was shut down', async () => {
  await protect();
  const guest = atlas.host.guest(MAIL);
  if (guest) atlas.host.endGuest(guest, 'shutdown');
  await passes(20_000);
  expect(atlas.host.runs(MAIL)).toBe(false);
  await atlas.powerOff();
  await atlas.powerOn();
  await until(() => atlas.host.runs(MAIL));
});
