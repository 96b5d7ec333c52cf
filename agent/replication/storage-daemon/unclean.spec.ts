import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { ReplicaTarget } from '../replication.ts';
import { FakeDaemon } from './fake-daemon.spec-kit.ts';
import { createStorageDaemonTarget } from './index.ts';

const PAIR = 'pair-1';

describe('a replica that acknowledges from memory', () => {
  let daemon: FakeDaemon;
  let target: ReplicaTarget;
  let flushed: string[];
  let flush: () => Result<void>;
  let told: string[];
  /** Whether the marker was there, at each offer. */
  let markedAt: boolean[];
  const folder = () => daemon.qmp.directory;
  const marker = () => join(folder(), 'unclean', PAIR);
  const disks = () => [
    {
      target: 'vda',
      path: join(folder(), 'images', 'vda.qcow2'),
      sizeBytes: 2 ** 20,
      format: 'qcow2' as const,
    },
  ];

  const makeTarget = (): ReplicaTarget =>
    createStorageDaemonTarget({
      socketPath: daemon.qmp.path,
      tlsDir: join(folder(), 'tls'),
      listenHost: '',
      port: 7421,
      heartbeatImage: join(folder(), 'heartbeat.img'),
      services: { ensureRunning: async () => ok(undefined) },
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
      digestDir: join(folder(), 'digests'),
      pointsDir: join(folder(), 'points'),
      uncleanDir: join(folder(), 'unclean'),
      tls: { key: '', cert: '', ca: '' },
      flush: async (name) => {
        flushed.push(name);
        return flush();
      },
    });

  /** As the agent finds it after a start. */
  const begun = async (): Promise<ReplicaTarget> => {
    const made = makeTarget();
    made.onUnclean((pairId) => told.push(pairId));
    await made.start();
    return made;
  };

  beforeEach(async () => {
    daemon = new FakeDaemon();
    [flushed, told, markedAt] = [[], [], []];
    flush = () => ok(undefined);
    for (const name of ['tls', 'images']) mkdirSync(join(folder(), name));
    for (const file of ['ca-cert.pem', 'server-cert.pem', 'server-key.pem'])
      writeFileSync(join(folder(), 'tls', file), file);
    await daemon.qmp.listen();
    target = await begun();
  });
  afterEach(async () => {
    await target.stop();
    await daemon.qmp.close();
  });

  const offers = () =>
    daemon.qmp.calls
      .filter(({ execute }) => execute === 'block-export-add')
      .map(({ arguments: args }) => [args.name, args.writethrough])
      .filter(([name]) => name !== 'understudy-heartbeat');

  it('is marked before it is offered, without write-through', async () => {
    daemon.instead.set('block-export-add', (call) => {
      if (call.arguments.name === 'pair-1.vda') markedAt.push(existsSync(marker()));
      daemon.exports.set(String(call.arguments.id), String(call.arguments['node-name']));
      return { return: {} };
    });
    expect(await target.open(PAIR, disks(), true)).toMatchObject({ ok: true });
    expect(markedAt).toEqual([true]);
    expect(offers()).toEqual([['pair-1.vda', false]]);
    expect(target.isUnclean(PAIR)).toBe(false);
  });

  it('loses its mark only after everything was flushed, its export gone and its nodes still there', async () => {
    await target.open(PAIR, disks(), true);
    flush = () => {
      expect([...daemon.exports.keys()]).not.toContain('x-pair-1.vda');
      expect([...daemon.nodes.keys()].some((name) => name.startsWith('ui-'))).toBe(true);
      expect(existsSync(marker())).toBe(true);
      return ok(undefined);
    };
    expect(await target.close(PAIR)).toEqual({ ok: true, value: undefined });
    expect(flushed).toHaveLength(1);
    expect(readdirSync(join(folder(), 'unclean'))).toEqual([]);
    expect(target.isUnclean(PAIR)).toBe(false);
    expect([...daemon.exports.keys()].filter((id) => id.startsWith('x-flush'))).toEqual([]);
  });

  it('is unclean when its disk could not take what was acknowledged', async () => {
    await target.open(PAIR, disks(), true);
    flush = () => fail({ kind: 'replica-not-flushed', message: 'EIO', next: '' });
    // Closed all the same: nothing can be written to it any more.
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(target.isOpen(PAIR)).toBe(false);
    expect(target.isUnclean(PAIR)).toBe(true);
    expect(told).toEqual([PAIR]);
  });

  it('is unclean when its daemon ends, and is not offered again before that is forgotten', async () => {
    await target.open(PAIR, disks(), true);
    await daemon.qmp.die();
    await expect.poll(() => target.isUnclean(PAIR)).toBe(true);
    expect(told).toEqual([PAIR]);
    daemon.exports.clear();
    daemon.nodes.clear();
    await daemon.qmp.listen();
    expect(await target.open(PAIR, disks(), true)).toMatchObject({
      ok: false,
      problem: { kind: 'replica-unclean' },
    });
    expect(await target.open(PAIR, disks())).toMatchObject({ ok: false });
    // Closing what nobody has open puts nothing on disk.
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(target.isUnclean(PAIR)).toBe(true);
    await target.forgetUnclean(PAIR);
    expect(target.isUnclean(PAIR)).toBe(false);
    expect(await target.open(PAIR, disks(), true)).toMatchObject({ ok: true });
  });

  it('is known to be unclean by the next life of the agent, when the daemon ended meanwhile', async () => {
    await target.open(PAIR, disks(), true);
    await target.stop();
    daemon.exports.clear();
    daemon.nodes.clear();
    target = await begun();
    expect(target.isUnclean(PAIR)).toBe(true);
    expect(told).toEqual([PAIR]);
  });

  it('stays what it is over an agent that starts anew, as long as its daemon lives', async () => {
    await target.open(PAIR, disks(), true);
    await target.stop();
    target = await begun();
    expect(target.isUnclean(PAIR)).toBe(false);
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(existsSync(marker())).toBe(false);
  });

  it('is closed first when it is to be written through from now on, and the other way round', async () => {
    await target.open(PAIR, disks(), true);
    expect(await target.open(PAIR, disks())).toMatchObject({ ok: true });
    expect(existsSync(marker())).toBe(false);
    expect(await target.open(PAIR, disks(), true)).toMatchObject({ ok: true });
    expect(existsSync(marker())).toBe(true);
    expect(offers().filter(([name]) => name === 'pair-1.vda')).toEqual([
      ['pair-1.vda', false],
      ['pair-1.vda', true],
      ['pair-1.vda', false],
    ]);
  });

  it('has no point to go back to when what that lies on could not be put on disk', async () => {
    await target.open(PAIR, disks(), true);
    writeFileSync(disks()[0]?.path ?? '', Buffer.alloc(4096));
    flush = () => fail({ kind: 'replica-not-flushed', message: 'EIO', next: '' });
    // As if a point had stood: its overlay is there under the name that says that it is whole.
    writeFileSync(`${disks()[0]?.path}.point-seal.whole`, '');
    expect(await target.points.seal(PAIR, 'seal', disks())).toMatchObject({
      ok: false,
      problem: { kind: 'point-gone' },
    });
  });

  it('leaves a replica that is written through alone: its daemon’s end is no uncleanness', async () => {
    await target.open(PAIR, disks());
    await daemon.qmp.die();
    await expect.poll(() => target.isOpen(PAIR)).toBe(false);
    await daemon.qmp.listen();
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(target.isUnclean(PAIR)).toBe(false);
    expect(flushed).toEqual([]);
  });
});
