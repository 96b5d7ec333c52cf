import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as commands from '../deploy/host-commands.ts';
import { FOLDER, STAGING } from '../deploy/places.ts';
import { AgentSession } from '../ssh/agent-session.ts';
import { connectTo, problemIn, valueIn } from '../ssh/testing/client.ts';
import type { SshConnection } from '../ssh/types.ts';
import { createPractice, type Practice } from './practice.ts';

describe('a practice host', () => {
  let practice: Practice;
  let folder: string;
  const opened: SshConnection[] = [];

  beforeEach(async () => {
    practice = await createPractice({ bootDelayMs: 50 });
    folder = await mkdtemp(join(tmpdir(), 'understudy-spec-'));
  });
  afterEach(async () => {
    for (const connection of opened.splice(0)) connection.close();
    await practice.close();
    await rm(folder, { recursive: true });
  });

  const accessOf = (name: string) => {
    const access = practice.hosts.find((host) => host.name === name);
    if (!access) throw new Error(`no practice host ${name}`);
    return access;
  };

  async function connect(name: string, password = accessOf(name).password): Promise<SshConnection> {
    const connection = valueIn(await attempt(name, password));
    opened.push(connection);
    return connection;
  }

  const attempt = (name: string, password: string) =>
    connectTo(accessOf(name).port, { login: { user: 'root', login: { method: 'password', password } } });

  async function run<P, R>(
    connection: SshConnection,
    command: { script(params: P): string; parse(stdout: string): R },
    params: P,
  ): Promise<R> {
    const outcome = valueIn(await connection.run(command.script(params)));
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    return command.parse(outcome.stdout);
  }

  async function install(name: string): Promise<SshConnection> {
    const connection = await connect(name);
    await run(connection, commands.prepare, { user: 'root' });
    const from = join(folder, 'agent.cjs');
    await writeFile(from, 'the bundle');
    valueIn(await connection.upload({ from, to: `${STAGING}/agent.cjs`, mode: 0o644 }));
    const sha256 = createHash('sha256').update('the bundle').digest('hex');
    const file = { name: 'agent.cjs', sha256, to: `${FOLDER}/agent.cjs`, mode: '644', packed: false };
    await run(connection, commands.place, { files: [file], runtime: 'host', hostNode: '/usr/bin/node' });
    await run(connection, commands.start, {
      version: '0.0.1',
      restart: true,
      restartGuard: false,
      tellLibvirt: false,
    });
    return connection;
  }

  it('takes its own password only', async () => {
    await connect('atlas');
    expect(problemIn(await attempt('atlas', 'wrong')).kind).toBe('wrong-password');
  });

  it('looks like a host fit to be added', async () => {
    const found = await run(await connect('boreas'), commands.inspect, {});
    expect(found).toMatchObject({ hostname: 'boreas', system: 'Linux', systemd: true, agent: null });
    expect(found.libvirt).toMatchObject({ installed: true, running: true, vmCount: 4 });
    expect(found.ports?.peer).toBeGreaterThan(0);
  });

  it('has no shell', async () => {
    const outcome = valueIn(await (await connect('atlas')).run('id -u'));
    expect(outcome.code).toBe(127);
  });

  it('takes the agent, starts it, and shows its machines', async () => {
    const connection = await install('atlas');
    const session = valueIn(await AgentSession.open(connection, '0.0.1'));
    expect(session.hello).toMatchObject({ name: 'atlas', hypervisor: 'simulated', version: '0.0.1' });
    expect(session.state.vms.map((vm) => vm.name)).toEqual(['erp-db', 'mail', 'files']);
    expect(await run(connection, commands.inspect, {})).toMatchObject({
      agent: { version: '0.0.1' },
    });
  });

  it('refuses a file that did not arrive whole', async () => {
    const connection = await connect('atlas');
    await run(connection, commands.prepare, { user: 'root' });
    const file = { name: 'agent.cjs', sha256: '00', to: `${FOLDER}/agent.cjs`, mode: '644', packed: false };
    const script = commands.place.script({ files: [file], runtime: '', hostNode: '' });
    expect(valueIn(await connection.run(script))).toMatchObject({ code: 1 });
  });

  it('is gone at once when its power is cut, and comes back with its key and its agent', async () => {
    const connection = await install('atlas');
    const closed = new Promise((resolve) => connection.onClose(resolve));
    await practice.power('atlas', false);
    await closed;
    expect(problemIn(await attempt('atlas', accessOf('atlas').password)).kind).toBe('port-refused');
    await practice.power('atlas', true);
    const again = await connect('atlas');
    expect(again.hostKey).toEqual(connection.hostKey);
    expect(valueIn(await AgentSession.open(again, '0.0.1')).hello.version).toBe('0.0.1');
  });

  it('gives the agent back its nothing when it is removed', async () => {
    const connection = await install('atlas');
    await run(connection, commands.remove, { keepHistory: false });
    expect(problemIn(await AgentSession.open(connection, '0.0.1')).kind).toBe('agent-missing');
    expect(await run(connection, commands.inspect, {})).toMatchObject({ agent: null });
  });
});

describe('what a practice leaves behind', () => {
  const leftovers = async () =>
    (await readdir(tmpdir())).filter((name) => name.startsWith('understudy-practice-'));

  it('is nothing when it is closed', async () => {
    const practice = await createPractice();
    const mine = `understudy-practice-${process.pid}-`;
    expect((await leftovers()).filter((name) => name.startsWith(mine))).toHaveLength(1);
    await practice.close();
    expect((await leftovers()).filter((name) => name.startsWith(mine))).toEqual([]);
  });

  it('is swept up by the next one when its process was killed', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const dead = `understudy-practice-${pid}-x`;
    await mkdir(join(tmpdir(), dead, 'atlas'), { recursive: true });
    await (await createPractice()).close();
    expect(await leftovers()).not.toContain(dead);
  });
});

describe('a large practice fleet', () => {
  it('has as many hosts and machines as asked for, all of different names', async () => {
    const practice = await createPractice({ scale: { hosts: 30, vmsPerHost: 5 } });
    expect(new Set(practice.hosts.map((host) => host.name)).size).toBe(30);
    expect(new Set(practice.hosts.map((host) => host.port)).size).toBe(30);
    const guests = practice.world.hosts.flatMap((host) =>
      practice.plan.hosts.filter((planned) => planned.name === host.name),
    );
    expect(new Set(guests.flatMap((host) => host.guests?.map((guest) => guest.uuid))).size).toBe(150);
    await practice.close();
  });
});
