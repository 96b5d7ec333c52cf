import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LocalCopy } from '../../../agent/protocol/index.ts';
import { askAgent } from '../agent-client.ts';
import { serviceProcess, signal } from '../host-processes.ts';
import { startFrom } from '../modes/points.ts';
import { places } from '../places.ts';
import { ProtectedFleet } from '../protected-fleet.ts';
import type { Recorder } from '../recorder.ts';
import { waitFor } from '../run.ts';
import { Bench, MACHINE, MINUTE, pause } from './bench.ts';

/** An armed pair on real hosts, and what it does by itself; whichever host owns it at the moment. */
const PLACES = places('automatic');
/** Of profile fast; several of them are enough for whatever is going to happen. */
const LEASE_MS = 1_500;
const LONG_MS = 8 * LEASE_MS;
let fleet: ProtectedFleet;
let bench: Bench;
let recorder: Recorder | null = null;

async function record(): Promise<Recorder> {
  recorder = await bench.record();
  return recorder;
}

/** The client goes on, and has lost nothing. Gives its longest wait, seconds. */
async function nothingLost(): Promise<number> {
  if (!recorder) throw new Error('nobody records');
  await recorder.waitForMore(20, 2 * MINUTE);
  await recorder.stop();
  const { missing, acked } = await recorder.verify();
  const { seconds } = await recorder.outage();
  recorder = null;
  expect(acked).toBeGreaterThan(50);
  expect(missing).toBe(0);
  return seconds;
}

const local = async (host: string): Promise<LocalCopy | undefined> =>
  (await fleet.sight(MACHINE)).members[host]?.local;
const untilLocal = (host: string, kind: LocalCopy['kind']): Promise<boolean> =>
  waitFor(`${host} ${kind}`, MINUTE, async () => (await local(host))?.kind === kind);
const theRecord = async () => (await fleet.sight(MACHINE)).record;
const runsOn = (host: string): boolean => {
  const last = bench.observer.changes.filter((one) => one.uuid === bench.uuid && one.host === host).at(-1);
  return last?.to === 'runs';
};
const nobodyElse = (): void => {
  expect(bench.observer.violations).toEqual([]);
  expect(bench.observer.late).toEqual([]);
};

async function settings(change: { policy: 'manual' | 'automatic' }): Promise<void> {
  const { owner } = await fleet.roles(MACHINE);
  const order = { requestId: randomUUID(), actor: 'lab', pairId: fleet.pairId(MACHINE), change };
  expect(await askAgent(fleet.lab, owner, 'pair.settings', order)).not.toBeNull();
}

beforeAll(async () => {
  fleet = await ProtectedFleet.up(PLACES, {
    machines: [MACHINE],
    policy: 'automatic',
    profile: 'fast',
    witness: true,
  });
  bench = await Bench.open(fleet);
}, 10 * MINUTE);

afterEach(async () => {
  await recorder?.stop();
  recorder = null;
  nobodyElse();
  await fleet.mend();
  await fleet.settle(MACHINE);
}, 5 * MINUTE);

afterAll(async () => {
  await bench?.observer.stop();
  await fleet?.down();
});

describe('an armed pair', () => {
  test('whose owner loses power runs on the standby by itself; the returned host starts nothing', async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    await record();
    const began = Date.now();
    await fleet.lab.powerOff(owner);
    await bench.startOn(standby, began);
    await nothingLost();
    await fleet.lab.powerOn(owner);
    await untilLocal(owner, 'quarantined');
    const byHand = await fleet.lab.exec(owner, ['virsh', '-q', 'start', MACHINE], { timeoutMs: 30_000 });
    await pause(LEASE_MS);
    expect(runsOn(owner)).toBe(false);
    expect(byHand.code).not.toBe(0);
    expect(byHand.stderr).toContain(MACHINE);
    expect(runsOn(standby)).toBe(true);
  });

  test('whose owner is cut off is frozen there, runs on the standby, and is ended there after the cut', async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    await record();
    const began = Date.now();
    await fleet.lab.isolate(owner);
    await bench.startOn(standby, began);
    expect(runsOn(owner)).toBe(false);
    expect((await fleet.guestOn(owner, MACHINE))?.executes).toBe(false);
    await nothingLost();
    await fleet.lab.heal();
    await untilLocal(owner, 'quarantined');
    await waitFor('the old process ended', MINUTE, async () => !(await fleet.guestOn(owner, MACHINE)));
  });

  test('whose witness is gone for long is disarmed, says why, and is never touched', async () => {
    await record();
    const began = Date.now();
    await fleet.lab.isolate(fleet.witness);
    await waitFor('disarmed', MINUTE, async () => (await theRecord())?.armed === false);
    await pause(LONG_MS);
    const { owner, members } = await fleet.sight(MACHINE);
    expect(members[owner ?? '']?.lease.hindrances.map(({ text }) => text).join(' ')).toContain(fleet.witness);
    await fleet.lab.heal();
    await fleet.settle(MACHINE);
    expect(bench.disturbances(began)).toEqual({ pauses: 0, restarts: 0 });
    expect(await nothingLost()).toBeLessThan(1);
  });

  test('does not notice that both agents are killed', async () => {
    await record();
    const began = Date.now();
    for (const host of fleet.hypervisors) {
      const agent = await serviceProcess(fleet.lab, host, 'agent');
      if (agent) signal(agent.pid, 'SIGKILL');
      await waitFor(`another agent on ${host}`, MINUTE, async () => {
        const now = await serviceProcess(fleet.lab, host, 'agent');
        return now !== null && now.pid !== agent?.pid && (await local(host)) !== undefined;
      });
    }
    await fleet.settle(MACHINE);
    expect(bench.disturbances(began)).toEqual({ pauses: 0, restarts: 0 });
    await nothingLost();
  });

  test('whose QEMU is killed is started again where it was', async () => {
    const { owner } = await fleet.roles(MACHINE);
    const qemu = await fleet.guestOn(owner, MACHINE);
    await record();
    const began = Date.now();
    signal(qemu?.pid ?? 0, 'SIGKILL');
    await bench.startOn(owner, began);
    await nothingLost();
    expect((await fleet.roles(MACHINE)).owner).toBe(owner);
  });

  test('that an admin shuts down stays down, and is not taken over', async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    await fleet.lab.exec(owner, ['virsh', '-q', 'shutdown', MACHINE]);
    await waitFor('down', MINUTE, async () => !(await fleet.guestOn(owner, MACHINE)));
    await pause(LONG_MS);
    expect(await fleet.guestOn(owner, MACHINE)).toBeNull();
    expect(await fleet.guestOn(standby, MACHINE)).toBeNull();
    expect((await fleet.roles(MACHINE)).owner).toBe(owner);
    const started = await fleet.lab.exec(owner, ['virsh', '-q', 'start', MACHINE]);
    expect(started.stderr).toBe('');
    expect(await fleet.lab.firstAnswer(MACHINE, MINUTE)).not.toBeNull();
  });

  test('comes back by itself when everything has lost power', async () => {
    await record();
    await Promise.all(fleet.lab.hosts.map(({ name }) => fleet.lab.powerOff(name)));
    await Promise.all(fleet.lab.hosts.map(({ name }) => fleet.lab.powerOn(name)));
    await nothingLost();
  });

  test('whose owner and witness are lost together waits for a person, and runs by his word alone', async () => {
    const { owner, standby } = await fleet.roles(MACHINE);
    await record();
    const lost = [owner, fleet.witness];
    await Promise.all(lost.map((host) => fleet.lab.powerOff(host)));
    await pause(LONG_MS);
    expect(await fleet.guestOn(standby, MACHINE)).toBeNull();
    const began = Date.now();
    await startFrom(fleet, MACHINE, standby);
    await bench.startOn(standby, began);
    expect((await fleet.sight(MACHINE)).record).toMatchObject({ forced: true, begun: true, armed: false });
    await nothingLost();
    await Promise.all(lost.map((host) => fleet.lab.powerOn(host)));
    await untilLocal(owner, 'quarantined');
    expect(runsOn(owner)).toBe(false);
  });

  test('does nothing by itself under the policy manual', async () => {
    await settings({ policy: 'manual' });
    await waitFor('disarmed', MINUTE, async () => (await theRecord())?.armed === false);
    const { owner, standby } = await fleet.roles(MACHINE);
    await fleet.lab.powerOff(owner);
    await pause(LONG_MS);
    expect(await fleet.guestOn(standby, MACHINE)).toBeNull();
    await fleet.lab.powerOn(owner);
    expect(await fleet.lab.firstAnswer(MACHINE, 2 * MINUTE)).not.toBeNull();
    await fleet.settle(MACHINE, 2 * MINUTE, false);
    expect((await fleet.roles(MACHINE)).owner).toBe(owner);
    await settings({ policy: 'automatic' });
  });
});
