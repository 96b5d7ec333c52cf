import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, Rig, UNARMED, until } from '../replication/simulated/spec-rig.ts';

let rig: Rig;
let atlas: Box;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  atlas = rig.box('atlas');
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  await rig.close();
});

it.each(['at once', 'late'])(
  'leaves a machine as it was whose host loses power in its first copy (standby back %s)',
  async (back) => {
    const order = { ...UNARMED, pairId: 'pair-mail', vmUuid: MAIL, standby: 'boreas' };
    await atlas.service.consoleHandlers['protect.start'](
      { ...order, requestId: randomUUID(), actor: 'spec' },
      new AbortController().signal,
    );
    await until(() => atlas.pair()?.mirror?.state === 'copying');
    if (back === 'late') await rig.box('boreas').powerOff();
    await atlas.powerOff();
    await atlas.powerOn();
    await until(() => atlas.host.runs(MAIL));
    await until(() => atlas.service.tasks().every((task) => task.state === 'failed'));
    if (back === 'late') await rig.box('boreas').powerOn();
    await until(() => atlas.pair() === undefined && rig.box('boreas').pair() === undefined);
    expect(atlas.host.guest(MAIL)).toMatchObject({ autostart: true });
    expect(atlas.host.runs(MAIL)).toBe(true);
  },
);
