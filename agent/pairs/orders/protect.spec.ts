import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import { SYNC } from '../../protocol/index.ts';
import { type Box, Rig, UNARMED, until } from '../../replication/simulated/spec-rig.ts';

/** What is left of a first protection that does not come to its end: the machine as it was before. */
const PAIR = 'pair-mail';
let rig: Rig;
let atlas: Box;
let boreas: Box;

afterEach(() => rig.close());
beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  atlas = rig.box('atlas');
  boreas = rig.box('boreas');
});

async function copyBegun(): Promise<void> {
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', requestId: 'first', actor: 'spec' };
  await atlas.service.consoleHandlers['protect.start'](
    { ...UNARMED, ...order },
    new AbortController().signal,
  );
  await until(() => atlas.pair()?.mirror?.state === 'copying');
}
const task = () => atlas.service.tasks().find((each) => each.id === 'first');

it('puts autostart back and starts the machine when its host lost power during the copy', async () => {
  expect(atlas.host.guest(MAIL)?.autostart).toBe(true);
  await copyBegun();
  expect(atlas.host.guest(MAIL)?.autostart).toBe(false);
  await atlas.powerOff();
  await atlas.powerOn();
  await until(() => task()?.state === 'failed');
  expect(task()?.problem?.kind).toBe('guest-stopped');
  expect(atlas.host.guest(MAIL)?.autostart).toBe(true);
  await until(() => atlas.host.runs(MAIL));
  expect(atlas.service.list()).toEqual([]);
  await until(() => boreas.service.list().length === 0);
});

it('starts nothing that its host would not have started either', async () => {
  const guest = atlas.host.guest(MAIL);
  if (guest) guest.autostart = false;
  await copyBegun();
  await atlas.powerOff();
  await atlas.powerOn();
  await until(() => task()?.state === 'failed');
  expect(atlas.host.guest(MAIL)).toMatchObject({ autostart: false, startedAt: null });
});

it('leaves the machine alone when only the standby is lost', async () => {
  await copyBegun();
  await boreas.powerOff();
  await until(() => task()?.state === 'failed');
  expect(atlas.host.guest(MAIL)?.autostart).toBe(true);
  expect(atlas.host.runs(MAIL)).toBe(true);
  await boreas.powerOn();
  await until(() => boreas.service.list().length === 0);
});

it('is given up when somebody undefines the machine meanwhile', async () => {
  await copyBegun();
  const guest = atlas.host.guest(MAIL);
  if (!guest) throw new Error('no guest');
  guest.transient = true;
  atlas.host.tellOf(guest);
  await until(() => task()?.state === 'failed');
  expect(task()?.problem).toMatchObject({ kind: 'vm-undefined', message: expect.stringContaining('atlas') });
  expect(atlas.service.list()).toEqual([]);
});

it('does not begin beside another machine that runs from the same disk', async () => {
  await rig.close();
  const twin = { ...guestDraft('00000000-0000-4000-8000-00000000beef', 'twin'), disks: guestDraft().disks };
  rig = await Rig.open([{ name: 'atlas', guests: [guestDraft(), twin] }, { name: 'boreas' }]);
  const { checks } = await rig
    .box('atlas')
    .service.consoleHandlers['protect.check'](
      { vmUuid: MAIL, standby: 'boreas', replication: SYNC },
      new AbortController().signal,
    );
  const found = checks.find(({ id }) => id === 'disk-shared');
  expect(found).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('twin on atlas runs from'),
  });
});
