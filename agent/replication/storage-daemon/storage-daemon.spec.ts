import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok } from '../../protocol/index.ts';
import type { ReplicaTarget } from '../replication.ts';
import { FakeDaemon, refuse } from './fake-daemon.spec-kit.ts';
import { createStorageDaemonTarget } from './index.ts';

const PAIR = 'pair-1';
describe('the standby with its storage daemon', () => {
  let daemon: FakeDaemon;
  let target: ReplicaTarget;
  let started: number;
  const disks = () =>
    ['vda', 'vdb'].map((name) => ({
      target: name,
      path: join(daemon.qmp.directory, 'images', `${name}.qcow2`),
      sizeBytes: 2 ** 20,
      format: 'qcow2' as const,
    }));

  beforeEach(async () => {
    daemon = new FakeDaemon();
    started = 0;
    const { directory, path } = daemon.qmp;
    for (const folder of ['tls', 'images']) mkdirSync(join(directory, folder));
    for (const file of ['ca-cert.pem', 'server-cert.pem', 'server-key.pem']) {
      writeFileSync(join(directory, 'tls', file), `first ${file}`);
    }
    await daemon.qmp.listen();
    target = createStorageDaemonTarget({
      socketPath: path,
      tlsDir: join(directory, 'tls'),
      listenHost: '',
      port: 7421,
      heartbeatImage: join(directory, 'heartbeat.img'),
      services: {
        ensureRunning: async () => {
          started += 1;
          return ok(undefined);
        },
      },
      log: () => undefined,
      hostId: 'host-b',
      hostName: 'boreas',
      copiers: {
        start: () => ({
          run: async () => ok({ workBytes: 0, sentBytes: 0, ms: 0 }),
          hurry: () => undefined,
          stop: () => undefined,
        }),
      },
      digestDir: join(directory, 'digests'),
      pointsDir: join(directory, 'points'),
      uncleanDir: join(directory, 'unclean'),
      tls: { key: '', cert: '', ca: '' },
    });
  });
  afterEach(async () => {
    await target.stop();
    await daemon.qmp.close();
  });

  it('turns to the daemon once, however many ask for it at the same time', async () => {
    const asked = await Promise.all([target.start(), target.open(PAIR, disks()), target.start()]);
    expect(asked[1]).toMatchObject({ ok: true });
    expect(await target.open(PAIR, disks())).toMatchObject({ ok: true });
  });

  it('offers every disk write-through, with a heartbeat, over verified TLS only', async () => {
    expect(await target.open(PAIR, disks())).toEqual({
      ok: true,
      value: {
        port: 7421,
        serverName: 'host-b',
        exports: { vda: 'pair-1.vda', vdb: 'pair-1.vdb' },
        heartbeat: 'understudy-heartbeat',
        host: 'boreas',
        paths: Object.fromEntries(disks().map(({ target: name, path }) => [name, path])),
      },
    });
    const calls = daemon.qmp.calls;
    expect(calls.find((call) => call.execute === 'object-add')?.arguments).toMatchObject({
      'verify-peer': true,
    });
    expect(calls.find((call) => call.execute === 'nbd-server-start')?.arguments).toMatchObject({
      'tls-creds': 'tls0',
    });
    const offered = calls.filter((call) => call.execute === 'block-export-add').map((call) => call.arguments);
    expect(offered.map((one) => [one.name, one.writethrough])).toEqual([
      ['understudy-heartbeat', undefined],
      ['pair-1.vda', true],
      ['pair-1.vdb', true],
    ]);
    expect(target.isOpen(PAIR)).toBe(true);
    expect(target.isOpen('pair-2')).toBe(false);
  });

  it('offers nothing twice', async () => {
    await target.open(PAIR, disks());
    const before = daemon.exports.size;
    const calls = daemon.qmp.calls.length;
    expect(await target.open(PAIR, disks())).toMatchObject({ ok: true });
    expect(daemon.exports.size).toBe(before);
    expect(daemon.qmp.names().slice(calls)).not.toContain('nbd-server-start');
  });

  it('closes in order: exports, their end awaited, then images, then files', async () => {
    await target.open(PAIR, disks());
    const from = daemon.qmp.calls.length;
    expect(await target.close(PAIR)).toEqual({ ok: true, value: undefined });
    const order = daemon.qmp.calls
      .slice(from)
      .filter(({ execute }) => execute.endsWith('-del'))
      .map(
        ({ execute, arguments: args }) => `${execute} ${String(args.mode ?? args['node-name']).slice(0, 3)}`,
      );
    expect(order).toEqual([
      'block-export-del har',
      'block-export-del har',
      'blockdev-del ui-',
      'blockdev-del ui-',
      'blockdev-del uf-',
      'blockdev-del uf-',
    ]);
    expect(target.isOpen(PAIR)).toBe(false);
    expect([...daemon.exports.keys()]).toEqual(['x-heartbeat']);
    expect([...daemon.nodes.keys()]).toEqual(['u-heartbeat']);
  });

  it('does not call an export closed while the daemon still lists it or keeps its image', async () => {
    await target.open(PAIR, disks());
    daemon.instead.set('blockdev-del', () => refuse('Node is busy'));
    expect(await target.close(PAIR)).toMatchObject({ ok: false, problem: { kind: 'qmp-error' } });
    expect(target.isOpen(PAIR)).toBe(true);
    // Nor does the next agent.
    await target.stop();
    await target.start();
    expect(target.isOpen(PAIR)).toBe(true);
    expect(target.isOpen('pair-2')).toBe(false);
    daemon.instead.clear();
    // What the failed attempt left is found by name, though its export is gone.
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(target.isOpen(PAIR)).toBe(false);
    expect([...daemon.nodes.keys()]).toEqual(['u-heartbeat']);
  });

  it('closes one pair and leaves the other alone', async () => {
    await target.open(PAIR, disks());
    await target.open('pair-10', disks());
    await target.close(PAIR);
    expect(target.isOpen('pair-10')).toBe(true);
    expect(daemon.nodes.size).toBe(1 + 4);
  });

  it('knows after a restart what the daemon offers', async () => {
    await target.open(PAIR, disks());
    await target.stop();
    daemon.exports.delete('x-pair-1.vdb');
    await target.start();
    expect(target.isOpen(PAIR)).toBe(true);
    expect(started).toBe(1);
  });

  it('starts no daemon to close what cannot be open', async () => {
    await daemon.qmp.die();
    await target.start();
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(started).toBe(0);
  });

  it('forgets everything with the death of the daemon', async () => {
    await target.open(PAIR, disks());
    await daemon.qmp.die();
    await expect.poll(() => target.isOpen(PAIR), { timeout: 15_000 }).toBe(false);
  });

  it('takes a new certificate only while nothing is offered', async () => {
    await target.open(PAIR, disks());
    writeFileSync(join(daemon.qmp.directory, 'tls', 'server-cert.pem'), 'second');
    const starts = () => daemon.qmp.names().filter((name) => name === 'nbd-server-start').length;
    await target.open(PAIR, disks());
    expect(starts()).toBe(1);
    await target.close(PAIR);
    await target.open(PAIR, disks());
    expect(starts()).toBe(2);
  });

  it('takes back what it had offered when one disk cannot be opened', async () => {
    daemon.instead.set('block-export-add', (call) => {
      if (call.arguments.name === 'pair-1.vdb') return refuse('Image is corrupt');
      daemon.exports.set(String(call.arguments.id), String(call.arguments['node-name']));
      return { return: {} };
    });
    expect(await target.open(PAIR, disks())).toMatchObject({
      ok: false,
      problem: { kind: 'image-not-opened', message: expect.stringContaining('vdb.qcow2') },
    });
    expect([...daemon.exports.keys()]).toEqual(['x-heartbeat']);
    expect([...daemon.nodes.keys()]).toEqual(['u-heartbeat']);
  });

  it('says when its port is taken', async () => {
    daemon.instead.set('nbd-server-start', () => refuse('Address already in use'));
    expect(await target.open(PAIR, disks())).toMatchObject({
      ok: false,
      problem: { kind: 'replication-port', message: expect.stringContaining('7421') },
    });
  });

  it('opens past the page cache, except where the file system cannot', async () => {
    daemon.instead.set('blockdev-add', (call) => {
      if (call.arguments.cache) return refuse('Could not open: filesystem does not support O_DIRECT');
      daemon.nodes.set(String(call.arguments['node-name']), call.arguments);
      return { return: {} };
    });
    expect(await target.open(PAIR, disks())).toMatchObject({ ok: true });
  });

  it('says where an image cannot be made', async () => {
    const blocked = join(daemon.qmp.directory, 'images', 'a-file');
    writeFileSync(blocked, '');
    const disk = {
      target: 'vda',
      path: join(blocked, 'vda.qcow2'),
      sizeBytes: 2 ** 20,
      format: 'qcow2' as const,
    };
    expect(await target.create(PAIR, [disk], 'aside-e1')).toMatchObject({ ok: false });
    expect(existsSync(blocked)).toBe(true);
  });
});
