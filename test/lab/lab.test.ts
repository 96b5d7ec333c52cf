import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pidsOf } from './cgroup.ts';
import { killHost, rootOf } from './host.ts';
import { down, type Lab, openLab, up } from './lab.ts';
import { removeNetwork } from './network.ts';
import { Recorder, tellGuest } from './recorder.ts';
import { must, type RunResult, run, waitFor } from './run.ts';
import { guestProcesses, lives, PLACES } from './selftest.ts';

let lab: Lab;

beforeAll(async () => {
  await down(PLACES);
  lab = await up({}, PLACES);
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

  test('lets root and admin in by password', async () => {
    const askpass = join(PLACES.state, 'askpass');
    await writeFile(askpass, '#!/bin/sh\necho "$LAB_PASSWORD"\n', { mode: 0o700 });
    const env = { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
    for (const user of ['root', 'admin']) {
      const command = ['-o', 'PreferredAuthentications=password', '-o', 'BatchMode=no', '-l', user];
      const logIn = async (password: string): Promise<RunResult> => {
        const known = [
          '-o',
          `UserKnownHostsFile=${join(PLACES.state, 'known_hosts')}`,
          '-o',
          'NumberOfPasswordPrompts=1',
        ];
        const argv = lab.inNamespace([
          'ssh',
          '-F',
          'none',
          ...command,
          ...known,
          lab.host('cora').address,
          'id -un',
        ]);
        return run(argv, { env: { ...env, LAB_PASSWORD: password } });
      };
      expect((await logIn(lab.password)).stdout.trim()).toBe(user);
      expect((await logIn('wrong')).code).not.toBe(0);
    }
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

describe('idle machines', () => {
  test('are defined beside the guests, and off', async () => {
    const names = await lab.defineIdleVms('boreas', 3);
    await lab.defineIdleVms('boreas', 3);
    const off = await lab.exec('boreas', ['virsh', '--quiet', 'list', '--inactive', '--name']);
    expect(off.stdout.split('\n').filter(Boolean)).toEqual(names);
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
    await waitFor('shop off', 20_000, async () => (await guestProcesses(lab, 'boreas')).length === 0);
    const log = await lab.ssh('boreas', 'tail -3 /var/log/libvirt/qemu/shop-console.log');
    expect(log.stdout).toMatch(/labguest: power off/);
    expect(log.stdout).not.toMatch(/umount/);
    await lab.ssh('boreas', 'virsh start shop');
    const answer = await lab.firstAnswer('shop', 60_000);
    expect(answer).not.toBeNull();
    expect(answer?.body).not.toBe(oldBoot);
  });
});

describe('up', () => {
  test('finds its way back after the whole machine was switched off', async () => {
    for (const host of lab.hosts) {
      await killHost(PLACES, host.name);
      await must(['umount', rootOf(PLACES, host.name)]);
    }
    await removeNetwork(PLACES);
    await up({}, PLACES);
    lab = (await openLab(PLACES)) ?? lab;
    expect((await lab.status()).hosts.map((host) => host.power)).toEqual(['on', 'on', 'on']);
    for (const guest of lab.guests) expect(await lab.firstAnswer(guest.name, 60_000)).not.toBeNull();
  });

  test('refuses another number of hosts than the lab has', async () => {
    await expect(up({ hosts: 3 }, PLACES)).rejects.toThrow('this lab has 2 hypervisor hosts');
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
