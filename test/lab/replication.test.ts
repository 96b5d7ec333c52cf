import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LabConsole } from './core-client.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** The mirror of a running guest on real hosts: what the storage daemon, libvirtd and QEMU may do to it. */
const PLACES = places('replication');
const MINUTE = 60_000;
let lab: Lab;
let desk: LabConsole;
let recorder: Recorder | null = null;

const mainPid = async (host: string, unit: string): Promise<string> =>
  (await lab.exec(host, ['systemctl', 'show', '-p', 'MainPID', '--value', unit])).stdout.trim();
const signal = async (host: string, name: string, pid: string) => lab.exec(host, ['kill', `-${name}`, pid]);
const replica = () => desk.pair('erp')?.members[desk.host('atlas').id]?.status.record.replica;
const copies = () => Object.values(desk.fleet.tasks).filter(({ task }) => task.kind === 'resync').length;
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function record(): Promise<Recorder> {
  recorder = await Recorder.start(lab, 'erp');
  await recorder.waitForMore(50, MINUTE);
  return recorder;
}

/** Checks that nothing acknowledged is missing, and gives the longest pause in seconds. */
async function nothingLost(): Promise<number> {
  if (!recorder) throw new Error('no recorder');
  await recorder.waitForMore(20, MINUTE);
  await recorder.stop();
  const verdict = await recorder.verify();
  const { seconds } = await recorder.outage();
  recorder = null;
  expect(verdict.missing).toBe(0);
  return seconds;
}

beforeAll(async () => {
  await down(PLACES);
  lab = await up({}, PLACES);
  desk = await LabConsole.open(lab);
  await desk.addHost(lab, 'atlas');
  await desk.addHost(lab, 'boreas');
  await desk.protect('erp', 'atlas', 'boreas');
}, 10 * MINUTE);

afterEach(async () => {
  await recorder?.stop();
  recorder = null;
});

afterAll(async () => {
  await desk?.close();
  await down(PLACES);
});

describe('the mirror of a guest that writes', () => {
  test('survives a restart of libvirtd on both hosts', async () => {
    await record();
    const before = copies();
    for (const host of ['atlas', 'boreas']) {
      await lab.exec(host, ['systemctl', 'reset-failed', 'libvirtd']);
      expect((await lab.exec(host, ['systemctl', 'restart', 'libvirtd'])).code).toBe(0);
    }
    await recorder?.waitForMore(100, MINUTE);
    expect(replica()?.state).toBe('in-sync');
    expect(copies()).toBe(before);
    await nothingLost();
  });

  test('waits while the storage daemon hesitates, and needs no new copy', async () => {
    await record();
    const before = copies();
    const pid = await mainPid('boreas', 'understudy-storage');
    await signal('boreas', 'STOP', pid);
    // Less than the forwarder's deadline: anything longer is recorded, so that the guest does not wait for it.
    await sleep(200);
    await signal('boreas', 'CONT', pid);
    await recorder?.waitForMore(100, MINUTE);
    expect(replica()?.state).toBe('in-sync');
    expect(copies()).toBe(before);
    await nothingLost();
  });

  test('lets the guest go on when the storage daemon hangs for good, and copies anew when it is back', async () => {
    await record();
    const pid = await mainPid('boreas', 'understudy-storage');
    await signal('boreas', 'STOP', pid);
    await desk.until('the hang is noted', () => replica()?.state === 'stale');
    await recorder?.waitForMore(50, MINUTE);
    await signal('boreas', 'CONT', pid);
    await desk.inSync('erp');
    expect(await nothingLost()).toBeLessThan(5);
  });

  test('lets the guest go on when the storage daemon is killed, and copies anew', async () => {
    await record();
    await signal('boreas', 'KILL', await mainPid('boreas', 'understudy-storage'));
    await desk.until('the loss is noted', () => replica()?.state !== 'in-sync');
    await recorder?.waitForMore(50, MINUTE);
    await desk.inSync('erp');
    expect(await nothingLost()).toBeLessThan(5);
  });

  test('stays in order while QEMU is frozen in a cut, and lets nothing through that the copy lacks', async () => {
    const recording = await record();
    const qemu = (await lab.exec('atlas', ['cat', '/run/libvirt/qemu/erp.pid'])).stdout.trim();
    // The agent stands still too, so that nobody releases what waits: the forwarder alone must hold it.
    const agent = await mainPid('atlas', 'understudy-agent');
    await signal('atlas', 'STOP', agent);
    await lab.cut('atlas', 'boreas');
    await signal('atlas', 'STOP', qemu);
    await sleep(3_000);
    await signal('atlas', 'CONT', qemu);
    const acknowledged = recording.acked;
    await sleep(3_000);
    // At most the one whose answer was on its way.
    expect(recording.acked - acknowledged).toBeLessThanOrEqual(1);
    await lab.heal();
    await signal('atlas', 'CONT', agent);
    await recording.waitForMore(50, MINUTE);
    await desk.inSync('erp');
    await nothingLost();
  });

  test('has every acknowledged record on the copy that takes over', async () => {
    const recording = await record();
    await lab.powerOff('atlas');
    await desk.until('atlas is lost', () => desk.pair('erp')?.health === 'primary-lost');
    await desk.failover('erp');
    expect(await lab.firstAnswer('erp', 2 * MINUTE)).not.toBeNull();
    await recording.waitForMore(20, MINUTE);
    await nothingLost();
    await waitFor('the replica to be the guest now', MINUTE, async () =>
      (await lab.exec('boreas', ['virsh', 'domstate', 'erp'])).stdout.includes('running'),
    );
  });
});
