import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import { problemOf } from '../../protocol/index.ts';
import { Rig } from '../../replication/simulated/spec-rig.ts';

const PAIR = 'pair-mail';
let rig: Rig;

beforeEach(async () => {
  rig = await Rig.open([{ name: 'atlas', guests: [{ ...guestDraft() }] }, { name: 'boreas' }]);
  await rig.box('atlas').order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas' });
});
afterEach(() => rig.close());

const switchover = (way: 'live' | 'cold', switchOff = false) =>
  rig.box('atlas').order('pair.switchover', { pairId: PAIR, way, switchOff });

it('asks a guest again that missed the request to shut down', async () => {
  const guest = rig.box('atlas').host.guest(MAIL);
  if (guest) guest.misses = 1;
  expect(await switchover('cold')).toMatchObject({ state: 'done' });
  expect(rig.box('boreas').host.runs(MAIL)).toBe(true);
});

it('leaves a guest where it is that never shuts down', async () => {
  const guest = rig.box('atlas').host.guest(MAIL);
  if (guest) guest.misses = 100;
  expect(await switchover('cold')).toMatchObject({
    state: 'failed',
    problem: { kind: 'guest-does-not-shut-down' },
  });
  expect(rig.box('atlas').host.runs(MAIL)).toBe(true);
  expect(rig.box('boreas').host.runs(MAIL)).toBe(false);
  expect(rig.box('atlas').pair()?.mirror?.state).toBe('in-sync');
}, 30_000);

it('several people order it at once, and one the opposite: one order is carried out, the others are told why not', async () => {
  const given = ['atlas', 'boreas', 'atlas'].map((host) =>
    rig
      .box(host)
      .order('pair.switchover', { pairId: PAIR, way: 'auto' })
      .then(
        ({ state }) => state,
        (error: unknown) => problemOf(error).kind,
      ),
  );
  expect((await Promise.all(given)).sort()).toEqual(['done', 'not-owner', 'pair-busy']);
  expect(['atlas', 'boreas'].filter((host) => rig.box(host).host.runs(MAIL))).toEqual(['boreas']);
  expect(rig.world.violations).toEqual([]);
}, 30_000);
