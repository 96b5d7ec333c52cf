import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSimulatedHypervisor } from '../hypervisor/simulated/simulated.ts';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, Rig, until } from '../replication/simulated/spec-rig.ts';

let rig: Rig;
let atlas: Box;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  atlas = rig.box('atlas');
  await atlas.order('protect.start', { pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' });
});
afterEach(() => rig.close());

it('does not bring back a machine that was undefined by hand, until it is defined again', async () => {
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
  expect(rig.world.violations).toEqual([]);
});
