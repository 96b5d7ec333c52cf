import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReplicationMode } from '../../agent/protocol/index.ts';
import { agentState, askAgent } from './agent-client.ts';
import { Bench, MACHINE } from './failover/bench.ts';
import { serviceProcess, signal } from './host-processes.ts';
import { keep, newerThan, pointsOn, startFrom } from './modes/points.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** Copies that are kept by points, on real hosts with libvirt: the way back after a failover, with agents killed in the middle of it. */
const MINUTE = 60_000;
const RETENTION = { last: 3, hourly: 0, daily: 0, weekly: 0 };
const INTERVAL: ReplicationMode = { kind: 'interval', everyS: 30, retention: RETENTION };
let fleet: ProtectedFleet;
let bench: Bench;

beforeAll(async () => {
  fleet = await ProtectedFleet.up(places('pointsreturn'), {
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

async function killAgent(host: string): Promise<void> {
  const agent = await serviceProcess(fleet.lab, host, 'agent');
  if (!agent) throw new Error(`no agent on ${host}`);
  signal(agent.pid, 'SIGKILL');
}

describe('a copy that is kept by points', () => {
  test(
    'returns after a failover on top of its old disk, also when agents are killed meanwhile; the old disk is then discarded',
    async () => {
      const { owner, standby } = await fleet.roles(MACHINE);
      await newerThan(fleet, MACHINE, standby, await pointsOn(fleet, MACHINE, standby), 1);
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
      const asides = members[owner]?.asides ?? [];
      expect(asides.filter(({ under }) => under).length).toBe(2);
      const held = asides.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
      // Only what differs was sent: a whole copy is as large as what lies there.
      expect(first?.bytes).toBeLessThan(held / 2);
      process.stderr.write(`first point ${first?.bytes} bytes, old disk ${held} bytes\n`);
      await fleet.dropAside();
      expect((await fleet.sight(MACHINE)).members[owner]?.asides ?? []).toEqual([]);

      const recorder = await Recorder.start(fleet.lab, MACHINE, 10);
      await recorder.waitForMore(50, MINUTE);
      await recorder.stop();
      const known = await pointsOn(fleet, MACHINE, owner);
      // One of them may have been begun before the client ended.
      await newerThan(fleet, MACHINE, owner, known, 2);
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
      await newerThan(fleet, MACHINE, standby, await pointsOn(fleet, MACHINE, standby), 1);
      expect(bench.violations).toBe(0);
    },
    8 * MINUTE,
  );
});
