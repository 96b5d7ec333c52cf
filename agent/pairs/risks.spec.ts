import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type RiskHistory, secondsAtRisk } from '../protocol/index.ts';
import { type Box, type Rig, until } from '../replication/simulated/spec-rig.ts';
import { PAIR, protectedMail } from './testing/mail.ts';

/** What a failure would cost, on the agents' own code over simulated hosts, twenty times as fast. */
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  ({ rig, atlas, boreas } = await protectedMail());
  rig.world.pace.copyBps = 60e9;
});
afterEach(async () => {
  expect(rig.world.violations).toEqual([]);
  await rig.close();
});

const risk = (box: Box) => box.pair()?.risk;
const atRisk = (box: Box): number | null | undefined => {
  const found = risk(box)?.atRisk;
  return found && secondsAtRisk(found, rig.world.clock.now());
};
const history = (box: Box): Promise<RiskHistory> =>
  box.service.consoleHandlers['pair.riskHistory']({ pairId: PAIR }, new AbortController().signal);
const audit = (box: Box): Promise<string> => readFile(join(rig.folder, box.host.name, 'audit.log'), 'utf8');

it('is nothing in sync, grows while the standby is gone, and is nothing again once it is back', async () => {
  await until(() => atRisk(atlas) === 0);
  expect(risk(boreas)?.atRisk).toBeNull();
  await boreas.powerOff();
  await until(() => risk(atlas)?.atRisk?.kind === 'since');
  for (let n = 0; n < 4; n += 1) atlas.host.write(MAIL);
  // Two minutes: several looks fall between the first and its end, however slow this machine is.
  await until(() => (atRisk(atlas) ?? 0) > 130);
  expect(risk(atlas)?.atRisk?.bytes).toBe(4 * 64 * 1024);
  // Held writes are not lost: it counts from the record's word, not from the loss.
  const { since } = atlas.pair()?.record.replica ?? { since: 0 };
  expect(risk(atlas)?.atRisk?.wholeUntil).toBe(since);
  await boreas.powerOn();
  await until(() => atRisk(atlas) === 0);
  await atlas.stopAgent();
  await atlas.startAgent();
  // On disk, whatever became of the agent: it was stopped in the middle of a minute.
  const { minutes, hours } = await history(atlas);
  expect(minutes.some(({ seconds }) => seconds !== null && seconds > 60)).toBe(true);
  expect(hours.at(-1)?.seconds).not.toBe(0);
  expect((await history(boreas)).minutes).toEqual([]);
});

it('goes on counting from the same moment in the next agent', async () => {
  await boreas.powerOff();
  await until(() => (atRisk(atlas) ?? 0) > 5);
  const whole = risk(atlas)?.atRisk?.wholeUntil;
  await atlas.stopAgent();
  await atlas.startAgent();
  await until(() => risk(atlas)?.atRisk?.kind === 'since');
  expect(risk(atlas)?.atRisk?.wholeUntil).toBe(whole);
});

it('tells a missed target, and that it is met again', async () => {
  const objectives = { rpoS: 10, rtoS: 60 };
  await atlas.consoleCall('pair.objectives', { pairId: PAIR, objectives });
  await until(() => boreas.pair()?.spec.objectives?.rpoS === 10);
  await expect(
    atlas.consoleCall('pair.objectives', { pairId: PAIR, objectives: { rpoS: -1, rtoS: null } }),
  ).rejects.toMatchObject({ problem: { kind: 'rpo-target-out-of-range', field: 'rpoS' } });
  await boreas.powerOff();
  await until(() => (atRisk(atlas) ?? 0) > 20);
  expect((await audit(atlas)).match(/"rpo-missed"/g)?.length).toBe(1);
  await boreas.powerOn();
  await until(() => atRisk(atlas) === 0);
  let said = '';
  while (!said.includes('"rpo-met"')) said = await audit(atlas);
});

it('measures a failover from its order until the machine answers', async () => {
  await atlas.powerOff();
  const expected = boreas.pair()?.record.epoch ?? { n: 0, by: '' };
  const order = { pairId: PAIR, expected, forced: true, evidence: {}, point: null };
  expect(await boreas.order('pair.failover', order)).toMatchObject({ state: 'done' });
  await until(() => (risk(boreas)?.measures.length ?? 0) > 0);
  const [measure] = risk(boreas)?.measures ?? [];
  expect(measure).toMatchObject({ source: 'failover', host: 'boreas', until: 'answer' });
  expect(measure?.ms).toBeGreaterThan(0);
  // Its old host is gone, and there is no copy of it anywhere.
  await until(() => risk(boreas)?.atRisk?.kind === 'no-copy');
  expect(boreas.host.runs(MAIL)).toBe(true);
});

it('forgets what it kept of a pair that has ended', async () => {
  const kept = (box: Box) => join(rig.folder, box.host.name, 'risks', `${PAIR}.log`);
  await until(() => atRisk(atlas) === 0);
  const minutes = async (): Promise<number> => (await history(atlas)).minutes.length;
  while ((await minutes()) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await until(() => existsSync(kept(atlas)));
  expect(await atlas.order('protect.end', { pairId: PAIR })).toMatchObject({ state: 'done' });
  await until(() => !existsSync(kept(atlas)));
});
