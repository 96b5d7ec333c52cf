import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LabConsole } from './core-client.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { Recorder } from './recorder.ts';
import { waitFor } from './run.ts';

/** Pairs on real hosts, through the real core: what breaks, and what the agents make of it. */
const PLACES = places('fleet');
const MINUTE = 60_000;
let lab: Lab;
let desk: LabConsole;
let recorder: Recorder | null = null;

const qemuState = async (host: string, guest: string): Promise<string> => {
  const script = `pid=$(cat /run/libvirt/qemu/${guest}.pid 2>/dev/null) && sed -n 's/^State:\\t\\(.\\).*/\\1/p' /proc/$pid/status`;
  return (await lab.exec(host, ['sh', '-c', script])).stdout.trim() || 'none';
};
const health = () => desk.pair('erp')?.health;

/** Checks that nothing acknowledged so far is missing, and gives the longest pause. */
async function nothingLost(): Promise<number> {
  if (!recorder) throw new Error('no recorder');
  await recorder.waitForMore(20, 2 * MINUTE);
  await recorder.stop();
  const verdict = await recorder.verify();
  expect(verdict.acked).toBeGreaterThan(20);
  expect(verdict.missing).toBe(0);
  const { seconds } = await recorder.outage();
  recorder = null;
  return seconds;
}

async function record(): Promise<void> {
  recorder = await Recorder.start(lab, 'erp');
  await recorder.waitForMore(50, MINUTE);
}

beforeAll(async () => {
  await down(PLACES);
  lab = await up({}, PLACES);
  desk = await LabConsole.open(lab);
  await desk.addHost(lab, 'atlas');
  await desk.addHost(lab, 'boreas');
  await desk.addHost(lab, 'cora', 'witness');
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

describe('a pair in sync', () => {
  test('goes on alone when its standby loses power, and heals by itself', async () => {
    await record();
    await lab.powerOff('boreas');
    await desk.until('the loss is seen', () => health() === 'standby-lost' || health() === 'not-in-sync');
    await recorder?.waitForMore(50, MINUTE);
    await lab.powerOn('boreas');
    await desk.inSync('erp');
    expect(await nothingLost()).toBeLessThan(5);
  });

  test('goes on alone when the network between the hosts is cut, and heals by itself', async () => {
    await record();
    await lab.cut('atlas', 'boreas');
    await desk.until(
      'the cut is seen',
      () => desk.pair('erp')?.members[desk.host('atlas').id]?.status.record.replica.state === 'stale',
    );
    await recorder?.waitForMore(50, MINUTE);
    await lab.heal();
    await desk.inSync('erp');
    expect(await nothingLost()).toBeLessThan(5);
  });

  test('does not notice that its agent is killed and replaced', async () => {
    await record();
    const agent = async () =>
      (
        await lab.exec('atlas', ['systemctl', 'show', '-p', 'MainPID', '--value', 'understudy-agent'])
      ).stdout.trim();
    const before = await agent();
    await lab.exec('atlas', ['kill', '-9', before]);
    await waitFor('a new agent', MINUTE, async () => !['0', before].includes(await agent()));
    await desk.until(
      'the console sees it',
      () => desk.host('atlas').connection.state === 'online' && health() === 'in-sync',
    );
    const copies = Object.values(desk.fleet.tasks).filter(
      ({ task }) => task.kind === 'resync' && task.state === 'running',
    );
    expect(copies).toEqual([]);
    expect(await nothingLost()).toBeLessThan(2);
  });

  test('keeps its mirror when the forwarder is killed', async () => {
    await record();
    const pid = (
      await lab.exec('atlas', ['systemctl', 'show', '-p', 'MainPID', '--value', 'understudy-forwarder'])
    ).stdout.trim();
    await lab.exec('atlas', ['kill', '-9', pid]);
    await recorder?.waitForMore(50, MINUTE);
    await desk.inSync('erp');
    await nothingLost();
  });
});

describe('the owner after a short loss of power', () => {
  test('asks the standby, and starts its machine again by itself', async () => {
    await lab.powerOff('atlas');
    await lab.powerOn('atlas');
    expect(await lab.firstAnswer('erp', 2 * MINUTE)).not.toBeNull();
    await desk.inSync('erp');
  });

  test('starts nothing while it cannot ask, and says so', async () => {
    await lab.powerOff('boreas');
    await lab.powerOff('atlas');
    await lab.powerOn('atlas');
    await desk.until('it waits', () => health() === 'waiting');
    expect(await qemuState('atlas', 'erp')).toBe('none');
    await lab.powerOn('boreas');
    expect(await lab.firstAnswer('erp', 2 * MINUTE)).not.toBeNull();
    await desk.inSync('erp');
  });
});

describe('a failover on a false premise', () => {
  test('is put right as soon as the hosts see each other: the superseded copy is frozen and set aside', async () => {
    await lab.cut('atlas', 'boreas');
    await lab.cut('atlas', 'cora');
    await lab.cut('atlas', 'client');
    await desk.until('atlas is silent', () => health() === 'primary-lost');
    await desk.failover('erp');
    expect(await qemuState('boreas', 'erp')).toMatch(/^[SR]$/);
    await lab.heal();
    await waitFor('the old copy frozen', MINUTE, async () => (await qemuState('atlas', 'erp')) === 'T');
    await desk.until('quarantined', () => health() === 'quarantined');
    await desk.order('pair.resync', 'erp');
    await desk.inSync('erp');
    expect(await qemuState('atlas', 'erp')).toBe('none');
  });

  test('is refused while the old host answers that the machine runs', async () => {
    const pairId = desk.pair('erp')?.id ?? '';
    const verdict = await desk.call('pair.verdict', { pairId });
    expect(verdict.result).toBe('running');
    expect(verdict.refusal).not.toBeNull();
  });

  test('and the machine goes home by switching over, both ways', async () => {
    await record();
    await desk.order('pair.switchover', 'erp');
    await desk.inSync('erp');
    expect(desk.pair('erp')?.primary).toBe(desk.host('atlas').id);
    await nothingLost();
    await record();
    await desk.order('pair.switchover', 'erp');
    await desk.inSync('erp');
    expect(desk.pair('erp')?.primary).toBe(desk.host('boreas').id);
    await nothingLost();
  });
});

describe('the laptop', () => {
  test('may die in the middle of a first copy: the agents go on, and a new console shows where it stands', async () => {
    // Enough to copy that the console dies before the end.
    await lab.exec('boreas', [
      'qemu-img',
      'resize',
      '--preallocation=full',
      '/var/lib/libvirt/images/shop-vdb.qcow2',
      '+0',
    ]);
    const taskId = await desk.startProtection('shop', 'boreas', 'atlas');
    await desk.kill();
    desk = await LabConsole.open(lab, desk.dataDir);
    const known = Object.values(desk.fleet.hosts).map((host) => host.name);
    expect(known.sort()).toEqual(['atlas', 'boreas', 'cora']);
    // Its passwords were in memory only: it asks for them again.
    for (const host of Object.values(desk.fleet.hosts)) {
      await desk.call('hosts.reconnect', {
        hostId: host.id,
        login: { method: 'password', password: lab.password },
      });
    }
    await desk.inSync('shop');
    // In sync is recorded before the last step has ended.
    await desk.until('the order is done', () => {
      const task = Object.values(desk.fleet.tasks).find((view) => view.task.id === taskId)?.task;
      return task?.state === 'done';
    });
    await desk.order('protect.end', 'shop');
    await desk.until('the pair is gone', () => desk.pair('shop') === undefined);
    expect(
      (await lab.exec('atlas', ['sh', '-c', 'ls /var/lib/libvirt/images | grep shop'])).stdout.trim(),
    ).toBe('');
    expect((await lab.exec('boreas', ['virsh', 'dominfo', 'shop'])).stdout).toMatch(/Autostart:\s+enable/);
  });
});
