import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pidsOf } from './cgroup.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { Recorder } from './recorder.ts';
import { must, run } from './run.ts';
import { guestProcesses, lives } from './selftest.ts';

const PLACES = places('faults');

let lab: Lab;

beforeAll(async () => {
  await down(PLACES);
  lab = await up({}, PLACES);
});

afterAll(async () => {
  await down(PLACES);
});

const reaches = async (from: string, address: string): Promise<boolean> =>
  (await lab.exec(from, ['/bin/ping', '-c', '1', '-W', '1', address])).code === 0;

/** Echo requests the host has received since it booted (RFC 4293, icmpStatsInMsgs by type). */
const echoRequests = async (host: string): Promise<number> => {
  const lines = (await lab.exec(host, ['cat', '/proc/net/snmp'])).stdout.split('\n');
  const [names = '', values = ''] = lines.filter((line) => line.startsWith('Icmp:'));
  return Number(values.split(' ')[names.split(' ').indexOf('InEchos')]);
};

/** Whether the third machine gets a TCP connection to the host's sshd. */
const clientReaches = async (address: string): Promise<boolean> =>
  (await run(lab.inNamespace(['timeout', '2', 'bash', '-c', `: < /dev/tcp/${address}/22`]))).code === 0;

describe('faults', () => {
  beforeEach(async () => {
    await lab.heal();
    lab = await up({}, PLACES);
    for (const host of lab.hosts) await lab.thaw(host.name);
    for (const guest of lab.guests) expect(await lab.firstAnswer(guest.name, 90_000)).not.toBeNull();
  });

  test('power loss kills host and guests at once, power brings them back with their acknowledged records', async () => {
    const recorder = await Recorder.start(lab, 'erp', 5);
    await recorder.waitForMore(50, 60_000);
    const pids = await pidsOf({ lab: PLACES.lab, host: 'atlas' });
    expect(await guestProcesses(lab, 'atlas')).toHaveLength(1);
    await lab.powerOff('atlas');
    expect(pids.length).toBeGreaterThan(5);
    for (const pid of pids) expect(await lives(pid)).toBe(false);
    expect((await lab.status()).hosts.find((host) => host.name === 'atlas')?.power).toBe('off');
    expect(await clientReaches(lab.host('atlas').address)).toBe(false);
    await lab.powerOff('atlas');
    await lab.powerOn('atlas');
    await recorder.waitForMore(20, 90_000);
    await recorder.stop();
    expect(await recorder.verify()).toMatchObject({ missing: 0 });
    expect((await recorder.outage()).seconds).toBeGreaterThan(1);
  });

  test('a guest started elsewhere with its disks is reached at the same address, by a client told nothing', async () => {
    const recorder = await Recorder.start(lab, 'erp', 5);
    await recorder.waitForMore(50, 60_000);
    const xml = await lab.exec('atlas', ['virsh', 'dumpxml', '--inactive', '--migratable', 'erp']);
    await lab.powerOff('atlas');
    for (const disk of ['vda', 'vdb']) {
      const path = `/var/lib/libvirt/images/erp-${disk}.qcow2`;
      await must(['cp', '--sparse=always', lab.pathOn('atlas', path), lab.pathOn('boreas', path)]);
    }
    await writeFile(lab.pathOn('boreas', '/root/erp.xml'), xml.stdout);
    await must(lab.sshCommand('boreas', ['--', 'virsh define /root/erp.xml && virsh start erp']));
    await recorder.waitForMore(50, 60_000);
    await recorder.stop();
    expect(await recorder.verify()).toMatchObject({ missing: 0 });
    expect((await lab.status()).guests.find((guest) => guest.name === 'erp')?.runsOn).toEqual(['boreas']);
    await must(lab.sshCommand('boreas', ['--', 'virsh destroy erp && virsh undefine erp']));
  });

  test('loss of acknowledged records is counted, disk by disk', async () => {
    const recorder = await Recorder.start(lab, 'erp', 5);
    await recorder.waitForMore(20, 60_000);
    const disk = '/var/lib/libvirt/images/erp-vdb.qcow2';
    const older = lab.pathOn('atlas', `${disk}.older`);
    await must(lab.sshCommand('atlas', ['--', 'virsh suspend erp']));
    await must(['cp', '--sparse=always', lab.pathOn('atlas', disk), older]);
    const known = recorder.acked;
    await must(lab.sshCommand('atlas', ['--', 'virsh resume erp']));
    await recorder.waitForMore(40, 60_000);
    await must(lab.sshCommand('atlas', ['--', 'virsh destroy erp']));
    await recorder.stop();
    await must(['mv', older, lab.pathOn('atlas', disk)]);
    await must(lab.sshCommand('atlas', ['--', 'virsh start erp']));
    expect(await lab.firstAnswer('erp', 60_000)).not.toBeNull();
    const verdict = await recorder.verify();
    expect(verdict.missingOn.vda).toBe(0);
    expect(verdict.missingOn.vdb).toBeGreaterThanOrEqual(40);
    expect(verdict.missing).toBe(verdict.missingOn.vdb);
    expect(verdict.missing).toBeLessThanOrEqual(verdict.acked - known + 1);
  });

  test('a frozen host stands still with its guest, and goes on from there', async () => {
    const recorder = await Recorder.start(lab, 'erp', 5);
    await recorder.waitForMore(20, 60_000);
    await lab.freeze('atlas');
    await lab.freeze('atlas');
    expect((await lab.status()).hosts.find((host) => host.name === 'atlas')?.frozen).toBe(true);
    expect(await lab.firstAnswer('erp', 1_500)).toBeNull();
    const before = recorder.acked;
    await lab.thaw('atlas');
    await recorder.waitForMore(20, 60_000);
    await recorder.stop();
    expect(recorder.acked).toBeGreaterThan(before);
    expect(await recorder.verify()).toMatchObject({ missing: 0 });
  });

  test('a host that is frozen can lose its power', async () => {
    await lab.freeze('boreas');
    await lab.powerOff('boreas');
    expect(await pidsOf({ lab: PLACES.lab, host: 'boreas' })).toEqual([]);
    await lab.powerOn('boreas');
    expect(await lab.firstAnswer('shop', 90_000)).not.toBeNull();
  });

  test('a cut severs one pair of hosts and nothing else; healing undoes it', async () => {
    const { address } = lab.host('boreas');
    expect(await reaches('atlas', address)).toBe(true);
    await lab.cut('atlas', 'boreas');
    expect(await reaches('atlas', address)).toBe(false);
    expect(await reaches('atlas', lab.host('cora').address)).toBe(true);
    expect(await clientReaches(address)).toBe(true);
    await lab.heal();
    expect(await reaches('atlas', address)).toBe(true);
  });

  test('a one-way cut drops one direction only', async () => {
    const [atlas, boreas] = [lab.host('atlas').address, lab.host('boreas').address];
    // Both have spoken, so the addresses' MACs are known and a lone datagram can arrive.
    expect(await reaches('atlas', boreas)).toBe(true);
    await lab.cut('atlas', 'boreas', true);
    const before = { atlas: await echoRequests('atlas'), boreas: await echoRequests('boreas') };
    expect(await reaches('atlas', boreas)).toBe(false);
    expect(await echoRequests('boreas')).toBe(before.boreas);
    expect(await reaches('boreas', atlas)).toBe(false);
    expect(await echoRequests('atlas')).toBe(before.atlas + 1);
    await lab.heal();
    expect(await reaches('atlas', boreas)).toBe(true);
  });

  test('a host can be cut off from the client', async () => {
    await lab.cut('client', 'cora', true);
    expect(await clientReaches(lab.host('cora').address)).toBe(false);
    await lab.heal();
    expect(await clientReaches(lab.host('cora').address)).toBe(true);
  });
});
