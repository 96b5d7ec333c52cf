import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReplicationMode, RestorePoint } from '../../agent/protocol/index.ts';
import { agentState, askAgent } from './agent-client.ts';
import { orderDrill, resultOf, traces, untilEnded, untilStep } from './drill/drilling.ts';
import { Bench, MACHINE } from './failover/bench.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { done, keep, pointsOn, startFrom } from './modes/points.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** What is done with copies that are kept by points, on real hosts with libvirt: tried out, moved to, returned to. */
const MINUTE = 60_000;
const MIB = 1024 * 1024;
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

/** Waits until the standby has so many points newer than those. */
const newerThan = (host: string, known: RestorePoint[], count: number): Promise<RestorePoint[]> =>
  waitFor(`${count} newer points on ${host}`, 4 * MINUTE, async () => {
    const points = await pointsOn(fleet, MACHINE, host);
    const ids = known.map(({ id }) => id);
    return points.filter(({ id }) => !ids.includes(id)).length >= count ? points : null;
  });

/** What a drill left, besides the points that are kept. */
const leftOf = async (host: string): Promise<string[]> =>
  (await traces(fleet, host)).filter((line) => !/\.point-[0-9a-z]+$/.test(line));

async function killAgent(host: string): Promise<void> {
  const agent = await serviceProcess(fleet.lab, host, 'agent');
  if (!agent) throw new Error(`no agent on ${host}`);
  signal(agent.pid, 'SIGKILL');
}

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
      const before = await newerThan(standby, await pointsOn(fleet, MACHINE, standby), 1);
      const [oldest] = before;
      const id = await orderDrill(fleet, MACHINE, 600, oldest?.id ?? '');
      await untilStep(fleet, standby, id, 'answer', /standing/);
      const during = await newerThan(standby, before, 3);
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

  test(
    'returns after a failover on top of its old disk, also when agents are killed meanwhile; the old disk is then discarded',
    async () => {
      const { owner, standby } = await fleet.roles(MACHINE);
      await newerThan(standby, await pointsOn(fleet, MACHINE, standby), 1);
      await fleet.lab.powerOff(owner);
      await startFrom(fleet, MACHINE, standby);
      await fleet.lab.powerOn(owner);
      await waitFor('the old copy to be set aside', 2 * MINUTE, async () => {
        const { members } = await fleet.sight(MACHINE);
        return members[owner]?.local.kind === 'quarantined';
      });
      const ordered = await fleet.order('pair.resync', MACHINE, standby);
      await waitFor(
        'the copy to be under way',
        MINUTE,
        async () => {
          const task = (await agentState(fleet.lab, standby))?.tasks.find(({ id }) => id === ordered);
          return task?.steps.some(({ id, state }) => id === 'copy' && state !== 'pending');
        },
        20,
      );
      await Promise.all([killAgent(owner), killAgent(standby)]);
      const { members } = await fleet.settle(MACHINE, 5 * MINUTE);
      const [first] = await pointsOn(fleet, MACHINE, owner);
      // Its two disks take several times that: only what differs was sent.
      expect(first?.bytes).toBeLessThan(64 * MIB);
      const asides = members[owner]?.asides ?? [];
      expect(asides.filter(({ under }) => under).length).toBe(2);
      const held = asides.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
      process.stderr.write(`first point ${first?.bytes} bytes, old disk ${held} bytes\n`);
      await fleet.dropAside();
      expect((await fleet.sight(MACHINE)).members[owner]?.asides ?? []).toEqual([]);

      const recorder = await Recorder.start(fleet.lab, MACHINE, 10);
      await recorder.waitForMore(50, MINUTE);
      await recorder.stop();
      const known = await pointsOn(fleet, MACHINE, owner);
      // One of them may have been begun before the client ended.
      await newerThan(owner, known, 2);
      await fleet.lab.powerOff(standby);
      await startFrom(fleet, MACHINE, owner);
      expect((await recorder.verify()).missing).toBe(0);
      await fleet.lab.powerOn(standby);
      await fleet.settle(MACHINE, 5 * MINUTE);
      expect(bench.violations).toBe(0);
    },
    15 * MINUTE,
  );

  test(
    'gets its first point after agents were killed in the middle of it',
    async () => {
      await keep(fleet, MACHINE, { kind: 'sync' });
      const { owner, standby } = await fleet.roles(MACHINE);
      const order = {
        requestId: randomUUID(),
        actor: 'lab',
        pairId: fleet.pairId(MACHINE),
        replication: INTERVAL,
      };
      await askAgent(fleet.lab, owner, 'pair.mode', order);
      await Promise.all([killAgent(owner), killAgent(standby)]);
      await fleet.settle(MACHINE, 4 * MINUTE);
      await newerThan(standby, await pointsOn(fleet, MACHINE, standby), 1);
      expect(bench.violations).toBe(0);
    },
    8 * MINUTE,
  );
});
