import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, type Rig, until } from '../replication/simulated/spec-rig.ts';
import { PAIR, twoHosts } from './testing/mail.ts';

/** What becomes of the previous copy when it is brought up to date, and of an old one that was set aside. */
let rig: Rig;
let atlas: Box;
let boreas: Box;
let free: number | null = null;

beforeEach(async () => {
  free = null;
  ({ rig, atlas, boreas } = await twoHosts());
  for (const { host } of [atlas, boreas]) {
    const real = host.freeDiskBytes.bind(host);
    host.freeDiskBytes = () => free ?? real();
  }
  await atlas.order('protect.start', { pairId: PAIR, vmUuid: MAIL, standby: 'boreas' });
});
afterEach(() => rig.close());

const asides = (box: Box): string[] => [...box.host.images.keys()].filter((path) => path.includes('aside'));
const points = (box: Box): string[] =>
  [...box.host.images.keys()].filter((path) => path.includes('point-seal'));
const expected = () => boreas.pair()?.record.epoch ?? { n: 0, by: '' };

it('keeps the state of the previous copy while it is written over, and drops it when that is whole', async () => {
  let kept = 0;
  const look = () => {
    kept = Math.max(kept, points(boreas).length);
  };
  rig.world.onChange(look);
  boreas.service.subscribe(look);
  expect(await atlas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  expect(kept).toBe(2);
  await until(() => points(boreas).length === 0);
  expect(asides(boreas)).toEqual([]);
});

it('needs no room for a quarantined copy: it becomes the ground of the new one, untouched', async () => {
  await atlas.powerOff();
  await boreas.order('pair.failover', { pairId: PAIR, expected: expected(), forced: true, evidence: {} });
  await atlas.powerOn();
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  const versions = () =>
    [...atlas.host.images.values()].filter(({ path }) => path.includes('aside')).map((one) => one.version);
  const before = [...atlas.host.images.values()].map((one) => one.version);
  boreas.host.write(MAIL);
  // Enough for what differs, and far from enough for a copy.
  free = 10 * 2 ** 20;
  expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  expect(versions()).toEqual(before);
  await until(() => atlas.pair()?.asides?.length === 2);
  expect(atlas.pair()?.asides?.every(({ under }) => under)).toBe(true);
});
