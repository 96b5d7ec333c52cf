import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReplicationMode } from '../../agent/protocol/index.ts';
import { askAgent } from './agent-client.ts';
import { orderDrill, resultOf, traces, untilEnded, untilStep } from './drill/drilling.ts';
import { Bench, MACHINE } from './failover/bench.ts';
import { done, newerThan, pointsOn } from './modes/points.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** What is done with copies that are kept by points, on real hosts with libvirt: tried out, and moved to. */
const MINUTE = 60_000;
const RETENTION = { last: 3, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: ReplicationMode = { kind: 'interval', everyS: 30, retention: RETENTION };
let fleet: ProtectedFleet;
let bench: Bench;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(places('pointstest'), {
    machines: [MACHINE],
    policy: 'manual',
    profile: 'balanced',
    witness: false,
    replication: INTERVAL,
  });
  bench = await Bench.open(fleet);
}, 10 * MINUTE);
afterAll(async () => {
  await bench?.observer.stop();
  await fleet?.down();
});

/** What a drill left, besides the points that are kept. */
const leftOf = async (host: string): Promise<string[]> =>
  (await traces(fleet, host)).filter((line) => !/\.point-[0-9a-z]+$/.test(line));

async function move(way: 'live' | 'cold'): Promise<void> {
  const { owner, standby } = await fleet.roles(MACHINE);
  const recorder = await Recorder.start(fleet.lab, MACHINE, 10);
  await recorder.waitForMore(100, MINUTE);
  const task = await done(
    fleet,
    owner,
    (await fleet.order('pair.switchover', MACHINE, owner, { way })) ?? '',
  );
  expect(task.steps.find(({ id }) => id === 'copy')?.note).toMatch(/had changed/);
  await recorder.waitForMore(50, 2 * MINUTE);
  await recorder.stop();
  expect(await fleet.roles(MACHINE)).toEqual({ owner: standby, standby: owner });
  expect((await recorder.verify()).missing).toBe(0);
  const { record, members } = await fleet.settle(MACHINE, 3 * MINUTE);
  expect(record?.replica.mode).toBe('interval');
  expect(members[standby]?.spec.replication).toEqual(INTERVAL);
}

describe('a copy that is kept by points', () => {
  test(
    'is tried out from an older point, while newer ones are made and none is given up under it',
    async () => {
      const { standby } = await fleet.roles(MACHINE);
      const before = await newerThan(fleet, MACHINE, standby, await pointsOn(fleet, MACHINE, standby), 1);
      const [oldest] = before;
      const id = await orderDrill(fleet, MACHINE, 600, oldest?.id ?? '');
      await untilStep(fleet, standby, id, 'answer', /standing/);
      const during = await newerThan(fleet, MACHINE, standby, before, 3);
      expect(during.map((point) => point.id)).toContain(oldest?.id);
      expect(during.length).toBeGreaterThan(RETENTION.last);
      const cancel = { requestId: randomUUID(), actor: 'lab', taskId: id };
      await askAgent(fleet.lab, standby, 'task.cancel', cancel);
      await untilEnded(fleet, standby, id);
      expect(await leftOf(standby)).toEqual([]);
      await waitFor('what waited for the drill to be given up', 2 * MINUTE, async () => {
        const points = await pointsOn(fleet, MACHINE, standby);
        return points.length === RETENTION.last && !points.some((point) => point.id === oldest?.id);
      });
    },
    8 * MINUTE,
  );

  test(
    'passes a drill, which says of which point it was',
    async () => {
      const { standby } = await fleet.roles(MACHINE);
      const points = await pointsOn(fleet, MACHINE, standby);
      const [oldest] = points;
      expect(points.length).toBeGreaterThan(1);
      const id = await orderDrill(fleet, MACHINE, 0, oldest?.id ?? '');
      expect(await untilEnded(fleet, standby, id)).toMatchObject({ state: 'done', problem: null });
      const result = await resultOf(fleet, MACHINE, id);
      expect(result).toMatchObject({ outcome: 'passed', restorePoint: oldest });
      expect(await leftOf(standby)).toEqual([]);
      await waitFor('it to be on record', MINUTE, async () => {
        const { passed } = (await fleet.sight(MACHINE)).record?.drill ?? {};
        return passed?.at === result.at;
      });
    },
    6 * MINUTE,
  );

  test(
    'changes sides while it runs, and back with a shutdown: nothing is missing, and it is kept by points again',
    async () => {
      await move('live');
      await move('cold');
      expect(bench.violations).toBe(0);
    },
    14 * MINUTE,
  );
});
