import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, type Rig, until } from '../replication/simulated/spec-rig.ts';
import { PAIR, twoHosts } from './testing/mail.ts';

/** What becomes of the previous copy when a new one is made. */
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
const expected = () => boreas.pair()?.record.epoch ?? { n: 0, by: '' };

it('keeps the previous copy until the new one is whole, and drops it then', async () => {
  let kept = 0;
  rig.world.onChange(() => {
    kept = Math.max(kept, asides(boreas).length);
  });
  expect(await atlas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  expect(kept).toBe(2);
  await until(() => asides(boreas).length === 0);
});

it('leaves a quarantined copy untouched when there is no room beside it, and says so', async () => {
  await atlas.powerOff();
  await boreas.order('pair.failover', { pairId: PAIR, expected: expected(), forced: true, evidence: {} });
  await atlas.powerOn();
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  const before = [...atlas.host.images.values()].map(({ path, version }) => ({ path, version }));
  free = 0;
  expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({
    state: 'failed',
    problem: { kind: 'standby-disk-full' },
  });
  expect([...atlas.host.images.values()].map(({ path, version }) => ({ path, version }))).toEqual(before);
  expect(atlas.pair()?.local.kind).toBe('quarantined');
});
