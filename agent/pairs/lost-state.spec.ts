import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, type Rig, until } from '../replication/simulated/spec-rig.ts';
import { PAIR, protectedMail } from './testing/mail.ts';

/** A host that comes back without its own record, but with the machine it once ran. */
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  ({ rig, atlas, boreas } = await protectedMail());
  await atlas.powerOff();
  const expected = boreas.pair()?.record.epoch ?? { n: 0, by: '' };
  await boreas.order('pair.failover', { pairId: PAIR, expected, forced: true, evidence: {} });
  await rm(join(rig.folder, 'atlas', 'pairs'), { recursive: true });
  await atlas.powerOn();
});
afterEach(() => rig.close());

it('starts nothing, and its old copy is set aside like any other', async () => {
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  expect(atlas.host.runs(MAIL)).toBe(false);
  expect(boreas.host.runs(MAIL)).toBe(true);
  expect(rig.world.violations).toEqual([]);
});

it('keeps a damaged record for inspection, and believes the other member', async () => {
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  await atlas.powerOff();
  const folder = join(rig.folder, 'atlas', 'pairs');
  await writeFile(join(folder, `${PAIR}.json`), 'half a rec');
  await atlas.powerOn();
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  expect(atlas.host.runs(MAIL)).toBe(false);
  const kept = (await readdir(folder)).filter((name) => name.includes('.damaged-'));
  expect(await readFile(join(folder, kept[0] ?? ''), 'utf8')).toBe('half a rec');
});

it('keeps its old disks when it is made the standby again', async () => {
  await until(() => atlas.pair()?.local.kind === 'quarantined');
  expect(await boreas.order('pair.resync', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => atlas.pair()?.record.replica.state === 'in-sync');
  expect([...atlas.host.images.keys()].filter((path) => path.includes('aside'))).toHaveLength(2);
});
