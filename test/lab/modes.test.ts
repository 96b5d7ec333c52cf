import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReplicationMode } from '../../agent/protocol/index.ts';
import { Bench, MACHINE } from './failover/bench.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { done, keep, Meter, pointsOn, startFrom } from './modes/points.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** Copies that are kept by points, on real hosts with libvirt: made, lost, started, and turned into one another. */
const MINUTE = 60_000;
const RETENTION = { last: 4, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: ReplicationMode = { kind: 'interval', everyS: 30, retention: RETENTION };
const ASYNC: ReplicationMode = { kind: 'async', rpoS: 12 };
let fleet: ProtectedFleet;
let bench: Bench;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(places('modes'), {
    machines: [MACHINE],
    policy: 'manual',
    profile: 'balanced',
    witness: false,
    replication: ASYNC,
  });
  bench = await Bench.open(fleet);
}, 10 * MINUTE);
afterAll(async () => {
  await bench?.observer.stop();
  await fleet?.down();
});

/** Its host loses power under a writer; a person starts the copy. Nothing is lost that the meter had shown as safe. */
async function lose(): Promise<void> {
  const { owner, standby } = await fleet.roles(MACHINE);
  const meter = await Meter.open(fleet, MACHINE, owner);
  const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
  await recorder.waitForMore(100, MINUTE);
  const point = await meter.newer(2 * MINUTE);
  await recorder.waitForMore(50, MINUTE);
  await fleet.lab.powerOff(owner);
  const shown = meter.last?.wholeUntil ?? 0;
  meter.close();
  await recorder.stop();
  expect((await pointsOn(fleet, MACHINE, standby)).map(({ id }) => id)).toContain(point.id);
  await startFrom(fleet, MACHINE, standby);
  const { missing, examples } = await recorder.verify();
  const lost = (await recorder.acknowledged()).filter(({ number }) => examples.includes(number));
  expect(lost.length).toBe(Math.min(5, missing));
  for (const { at } of lost) expect(at).toBeGreaterThan(shown);
  await fleet.lab.powerOn(owner);
  await fleet.settle(MACHINE, 5 * MINUTE);
}

describe('a copy that is kept by points', () => {
  test(
    'is made with the file systems at rest, which the guest agent sees to',
    async () => {
      const { standby } = await fleet.roles(MACHINE);
      await waitFor('a point with the file systems at rest', 3 * MINUTE, async () =>
        (await pointsOn(fleet, MACHINE, standby)).some(({ quiesced }) => quiesced),
      );
    },
    4 * MINUTE,
  );

  test(
    'close behind: what the meter showed as safe is on it',
    async () => {
      await lose();
      expect(bench.violations).toBe(0);
    },
    8 * MINUTE,
  );

  test(
    'every so often: made from what is there, and started',
    async () => {
      await keep(fleet, MACHINE, INTERVAL);
      await fleet.settle(MACHINE, 3 * MINUTE);
      await lose();
      expect(bench.violations).toBe(0);
    },
    10 * MINUTE,
  );

  test(
    'lets its machine go on when the agent dies while it stands still',
    async () => {
      await keep(fleet, MACHINE, ASYNC);
      const { owner } = await fleet.roles(MACHINE);
      const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
      await recorder.waitForMore(50, MINUTE);
      for (let n = 0; n < 6; n += 1) {
        const agent = await serviceProcess(fleet.lab, owner, 'agent');
        if (agent) signal(agent.pid, 'SIGKILL');
        await new Promise((resolve) => setTimeout(resolve, 1_500 + Math.random() * 2_500));
      }
      await recorder.waitForMore(100, MINUTE);
      await recorder.stop();
      expect((await recorder.verify()).missing).toBe(0);
      await fleet.settle(MACHINE, 3 * MINUTE);
    },
    5 * MINUTE,
  );

  test(
    'is mirrored without copying everything, and nothing is lost any more',
    async () => {
      const task = await keep(fleet, MACHINE, { kind: 'sync' });
      expect(task.steps.find(({ id }) => id === 'copy')?.note).toMatch(/had changed|differed/);
      await fleet.settle(MACHINE, 3 * MINUTE);
      const { owner, standby } = await fleet.roles(MACHINE);
      const recorder = await Recorder.start(fleet.lab, MACHINE, 5);
      await recorder.waitForMore(200, MINUTE);
      await fleet.lab.powerOff(owner);
      await recorder.stop();
      await startFrom(fleet, MACHINE, standby);
      expect((await recorder.verify()).missing).toBe(0);
      await fleet.lab.powerOn(owner);
      await fleet.settle(MACHINE, 5 * MINUTE);
      await keep(fleet, MACHINE, INTERVAL);
      await fleet.settle(MACHINE, 3 * MINUTE);
      const ended = await fleet.order('protect.end', MACHINE, standby);
      await done(fleet, standby, ended ?? undefined);
      expect(bench.violations).toBe(0);
    },
    10 * MINUTE,
  );
});
