import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pidsOf } from './cgroup.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { Recorder, tellGuest } from './recorder.ts';
import { run, waitFor } from './run.ts';

/** A lab of its own, so that one which somebody works with is left alone. */
const PLACES = places('selftest');
let lab: Lab;

const guestProcesses = async (host: string): Promise<string[]> =>
  (await lab.exec(host, ['pgrep', '-f', 'qemu-system-x86_64 -name guest='])).stdout
    .split('\n')
    .filter(Boolean);

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

/** A process that has ended may be listed until its parent has asked for its status. */
const lives = async (pid: number): Promise<boolean> =>
  /^State:\s+[^ZX]/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''));

beforeAll(async () => {
  await down(PLACES);
  lab = await up({ say: (line) => console.log(line) }, PLACES);
});

afterAll(async () => {
  await down(PLACES);
});

describe('a lab that is up', () => {
  test('has hosts with systemd running, and libvirt where it should be', async () => {
    for (const host of lab.hosts) {
      const system = await lab.ssh(
        host.name,
        'systemctl is-system-running; command -v virsh; command -v node',
      );
      expect(system.stdout.split('\n').filter(Boolean)).toEqual(
        host.role === 'witness' ? ['running'] : ['running', '/usr/bin/virsh'],
      );
    }
  });

  test('gives every host identities of its own', async () => {
    const read = async (command: string): Promise<string[]> =>
      Promise.all(['atlas', 'boreas'].map(async (name) => (await lab.ssh(name, command)).stdout.trim()));
    for (const command of [
      'cat /etc/machine-id',
      'cat /etc/ssh/ssh_host_ed25519_key.pub',
      "virsh capabilities | grep -m1 -o '<uuid>.*</uuid>'",
      'hostname',
    ]) {
      const [a, b] = await read(command);
      expect(a).not.toBe('');
      expect(a).not.toBe(b);
    }
  });

  test('lets admin in, who becomes root by password only', async () => {
    const without = await lab.ssh('atlas', 'sudo -n id -u', { user: 'admin' });
    expect(without.code).not.toBe(0);
    const become = await lab.ssh('atlas', "sudo -S -p '' id -u", {
      user: 'admin',
      input: `${lab.password}\n`,
    });
    expect(become.stdout.trim()).toBe('0');
  });

  test('has guests that answer, run an agent and start with their host', async () => {
    for (const guest of lab.guests) {
      const answer = await lab.firstAnswer(guest.name, 30_000);
      expect(JSON.parse(answer?.body ?? '{}')).toMatchObject({ name: guest.name, ok: true });
      const ping = await waitFor('guest agent', 30_000, async () => {
        const result = await lab.ssh(
          guest.home,
          `virsh qemu-agent-command ${guest.name} '{"execute":"guest-ping"}'`,
        );
        return result.code === 0 && result.stdout.trim();
      });
      expect(ping).toBe('{"return":{}}');
      expect((await lab.ssh(guest.home, `virsh dominfo ${guest.name}`)).stdout).toMatch(
        /Autostart:\s+enable/,
      );
    }
  });

  test('comes up again without touching what runs', async () => {
    const before = (await lab.firstAnswer('erp', 5_000))?.body;
    await up({}, PLACES);
    expect((await lab.firstAnswer('erp', 5_000))?.body).toBe(before);
  });
});

describe('the guest', () => {
  test('hangs apart from its system, and is woken', async () => {
    expect(await lab.firstAnswer('shop', 5_000, '/hang')).not.toBeNull();
    expect(await lab.firstAnswer('shop', 1_500)).toBeNull();
    expect(await tellGuest(lab, 'shop', 'append still-well')).toMatch(/^ack \d+ still-well$/);
    expect(await tellGuest(lab, 'shop', 'unhang')).toBe('ok');
    expect(await lab.firstAnswer('shop', 10_000)).not.toBeNull();
  });

  test('writes acknowledged records to new blocks of both disks', async () => {
    const allocated = async (disk: string): Promise<number> => {
      const info = `qemu-img info -U --output=json /var/lib/libvirt/images/shop-${disk}.qcow2`;
      return (JSON.parse((await lab.ssh('boreas', info)).stdout) as { 'actual-size': number })['actual-size'];
    };
    const before = [await allocated('vda'), await allocated('vdb')];
    const recorder = await Recorder.start(lab, 'shop', 5);
    await recorder.waitForMore(100, 60_000);
    await recorder.stop();
    const verdict = await recorder.verify();
    expect(verdict).toMatchObject({ missing: 0, missingOn: { vda: 0, vdb: 0 } });
    expect(verdict.acked).toBeGreaterThanOrEqual(100);
    const after = [await allocated('vda'), await allocated('vdb')];
    for (const index of [0, 1])
      expect(after[index]).toBeGreaterThanOrEqual((before[index] ?? 0) + 100 * 4096);
  });

  test('shuts down in order when asked to', async () => {
    const oldBoot = (await lab.firstAnswer('shop', 5_000))?.body;
    await lab.ssh('boreas', 'virsh shutdown --mode acpi shop');
    await waitFor('shop off', 20_000, async () => (await guestProcesses('boreas')).length === 0);
    const log = await lab.ssh('boreas', 'tail -3 /var/log/libvirt/qemu/shop-console.log');
    expect(log.stdout).toMatch(/labguest: power off/);
    expect(log.stdout).not.toMatch(/umount/);
    await lab.ssh('boreas', 'virsh start shop');
    const answer = await lab.firstAnswer('shop', 60_000);
    expect(answer).not.toBeNull();
    expect(answer?.body).not.toBe(oldBoot);
  });
});

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
    expect(await guestProcesses('atlas')).toHaveLength(1);
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

describe('down', () => {
  test('ends and deletes what the lab started, names but leaves what others did; up again within a minute', async () => {
    const [command = '', ...args] = lab.inNamespace(['sleep', '600']);
    const stranger = spawn(command, args, { stdio: 'ignore' });
    const own = (
      await Promise.all(lab.hosts.map((host) => pidsOf({ lab: PLACES.lab, host: host.name })))
    ).flat();
    const result = await down(PLACES);
    expect(result.stillInNamespace).toContain(`${stranger.pid} sleep`);
    for (const pid of own) expect(await lives(pid)).toBe(false);
    expect(await lives(stranger.pid ?? 0)).toBe(true);
    stranger.kill();
    expect(await down(PLACES)).toEqual({ wasUp: false, stillInNamespace: [] });
    const started = performance.now();
    lab = await up({}, PLACES);
    expect((performance.now() - started) / 1000).toBeLessThan(60);
  });
});
