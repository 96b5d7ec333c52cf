import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { linuxCoordinatedHost } from '../../agent/replication/coordinated/linux-host.ts';
import { must } from '../lab/run.ts';

/** What a real host sees of an image that a real QEMU process has open: the lock it takes, and the token beside it. */
const host = linuxCoordinatedHost(() => 'atlas');
let folder: string;
let image: string;
let holder: ChildProcess | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-shared-'));
  image = join(folder, 'disk.qcow2');
  await must(['qemu-img', 'create', '-q', '-f', 'qcow2', image, '16M']);
});
afterEach(async () => {
  await release();
  await rm(folder, { recursive: true });
});

/** Opens it for writing, as a machine's process does. */
async function hold(): Promise<void> {
  holder = spawn('qemu-io', [image], { stdio: ['pipe', 'pipe', 'ignore'] });
  holder.stdin?.write('read 0 512\n');
  await new Promise((done) => holder?.stdout?.once('data', done));
}

async function release(): Promise<void> {
  const process = holder;
  holder = null;
  if (process === null) return;
  const ended = new Promise((done) => process.once('exit', done));
  process.kill('SIGKILL');
  await ended;
}

const lock = async (): Promise<string> => (await host.see(image, true)).lock;

it('sees the lock of a process that has the image open, also while that stands still, and not one moment longer', async () => {
  expect(await lock()).toBe('free');
  await hold();
  expect(await lock()).toBe('locked');
  holder?.kill('SIGSTOP');
  expect(await lock()).toBe('locked');
  await release();
  expect(await lock()).toBe('free');
});

it('reads back the token, and tells a copy from the file itself', async () => {
  const copy = `${folder}-copy`;
  expect(await host.writeToken(image, '0a1b2c3d-long-ago')).toMatchObject({ ok: true });
  await cp(folder, copy, { recursive: true });
  expect(await host.writeToken(image, '0a1b2c3d')).toMatchObject({ ok: true });
  const here = await host.see(image, false);
  expect(here).toMatchObject({ token: '0a1b2c3d', writable: true, lock: 'not-asked' });
  const there = await host.see(join(copy, 'disk.qcow2'), false);
  await rm(copy, { recursive: true });
  expect(there.id).not.toBe(here.id);
  expect(there.token).not.toBe(here.token);
  await host.removeToken(image);
  await host.removeToken(image);
  expect((await host.see(image, false)).token).toBeNull();
  expect((await host.see(join(folder, 'none'), true)).id).toBeNull();
});

it('says where it cannot write beside an image', async () => {
  const written = await host.writeToken('/proc/no/such/disk.qcow2', '0a1b2c3d');
  expect(written).toMatchObject({ ok: false, problem: { kind: 'token-not-written' } });
});
