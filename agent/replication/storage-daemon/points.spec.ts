import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok } from '../../protocol/index.ts';
import { overlayPath, type ReplicaDisk, type ReplicaTarget, sealedPath } from '../replication.ts';
import { FakeDaemon, refuse } from './fake-daemon.spec-kit.ts';
import { createStorageDaemonTarget } from './index.ts';

const PAIR = 'pair-1';
/** Overlays are made by the real one; the runner installs it where it may (test/runner/stages.ts). */
const hasQemuImg = spawnSync('qemu-img', ['--version']).status === 0;

describe.runIf(hasQemuImg)('a point of a replica that is being filled', () => {
  let daemon: FakeDaemon;
  let target: ReplicaTarget;
  let disks: ReplicaDisk[];
  const images = () => readdirSync(join(daemon.qmp.directory, 'images')).sort();

  beforeEach(async () => {
    daemon = new FakeDaemon();
    const { directory, path } = daemon.qmp;
    for (const folder of ['tls', 'images']) mkdirSync(join(directory, folder));
    for (const file of ['ca-cert.pem', 'server-cert.pem', 'server-key.pem'])
      writeFileSync(join(directory, 'tls', file), file);
    await daemon.qmp.listen();
    disks = ['vda', 'vdb'].map((name) => ({
      target: name,
      path: join(directory, 'images', `${name}.qcow2`),
      sizeBytes: 2 ** 20,
      format: 'qcow2' as const,
    }));
    target = createStorageDaemonTarget({
      socketPath: path,
      tlsDir: join(directory, 'tls'),
      listenHost: '',
      port: 7421,
      heartbeatImage: join(directory, 'heartbeat.img'),
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
      digestDir: join(daemon.qmp.directory, 'digests'),
      pointsDir: join(daemon.qmp.directory, 'points'),
      uncleanDir: join(daemon.qmp.directory, 'unclean'),
      tls: { key: '', cert: '', ca: '' },
    });
    await target.create(PAIR, disks, 'aside');
    await target.open(PAIR, disks);
  });
  afterEach(async () => {
    await target.stop();
    await daemon.qmp.close();
  });

  it('freezes all disks in one transaction, each into an overlay over its replica', async () => {
    expect(await target.points.take(PAIR, 'drill', disks)).toMatchObject({ value: { already: false } });
    const [transaction, ...more] = daemon.qmp.calls.filter(({ execute }) => execute === 'transaction');
    expect(more).toEqual([]);
    const actions = transaction?.arguments.actions as { type: string; data: Record<string, string> }[];
    expect(actions.map(({ type, data }) => [type, data.sync])).toEqual([
      ['blockdev-backup', 'none'],
      ['blockdev-backup', 'none'],
    ]);
    for (const { data } of actions) {
      const overlay = daemon.nodes.get(data.target ?? '');
      expect(overlay).toMatchObject({ driver: 'qcow2', backing: data.device });
      for (const name of [data.target, data['filter-node-name']])
        expect(name?.length).toBeLessThanOrEqual(31);
    }
  });

  it('offers it read-only, and nothing of it as the replica', async () => {
    await target.points.take(PAIR, 'drill', disks);
    const offered = await target.points.offer(PAIR, 'drill', disks);
    expect(offered).toMatchObject({ value: { exports: { vda: 'p-drill-pair-1.vda' } } });
    const made = daemon.qmp.calls.filter(({ arguments: args }) => String(args.id).startsWith('p-drill-'));
    expect(made.map(({ arguments: args }) => args.writable)).toEqual([false, false]);
    // The replica's own export is unaffected by the point's.
    daemon.exports.delete('x-pair-1.vda');
    daemon.exports.delete('x-pair-1.vdb');
    for (const node of [...daemon.nodes.keys()]) if (node.startsWith('ui-')) daemon.nodes.delete(node);
    await target.start();
    expect(target.isOpen(PAIR)).toBe(false);
  });

  it('ends in order: offers, copying, overlays, their files, and nothing of the replica', async () => {
    await target.points.take(PAIR, 'drill', disks);
    await target.points.offer(PAIR, 'drill', disks);
    const from = daemon.qmp.calls.length;
    expect(await target.points.undo(PAIR, 'drill', disks)).toMatchObject({ ok: true });
    const order = daemon.qmp.calls
      .slice(from)
      .filter(({ execute }) => /-del$|-cancel$/.test(execute))
      .map(({ execute, arguments: args }) =>
        `${execute} ${String(args['node-name'] ?? '').slice(0, 3)}`.trim(),
      );
    expect(order).toEqual([
      ...['block-export-del', 'block-export-del', 'block-job-cancel', 'block-job-cancel'],
      ...['blockdev-del upd', 'blockdev-del upd', 'blockdev-del ued', 'blockdev-del ued'],
      ...['blockdev-del und', 'blockdev-del und', 'blockdev-del uqd', 'blockdev-del uqd'],
    ]);
    expect(images()).toEqual(['vda.qcow2', 'vdb.qcow2']);
    expect(target.isOpen(PAIR)).toBe(true);
  });

  it('finds and removes what an agent left that was killed half-way', async () => {
    let adds = 0;
    daemon.instead.set('blockdev-add', (call) => {
      adds += 1;
      if (adds > 5) return refuse('killed here');
      daemon.nodes.set(String(call.arguments['node-name']), call.arguments);
      return { return: {} };
    });
    daemon.instead.set('blockdev-del', () => refuse('killed here'));
    expect(await target.points.take(PAIR, 'drill', disks)).toMatchObject({ ok: false });
    daemon.instead.clear();
    expect(images()).toContain('vda.qcow2.point-drill');
    expect(await target.points.take(PAIR, 'drill', disks)).toMatchObject({ value: { already: false } });
    expect(await target.points.undo(PAIR, 'drill', disks)).toMatchObject({ ok: true });
    expect(images()).toEqual(['vda.qcow2', 'vdb.qcow2']);
    expect([...daemon.nodes.keys()].filter((node) => /^u[pqcne]/.test(node))).toEqual([]);
  });

  it('is broken by an overlay that missed a block, and a new one may be taken', async () => {
    await target.points.take(PAIR, 'drill', disks);
    const file = [...daemon.nodes.keys()].find((node) => /^uqd-.*-vdb$/.test(node));
    daemon.qmp.event('QUORUM_REPORT_BAD', {
      'node-name': file,
      type: 'write',
      error: 'No space left on device',
    });
    await expect
      .poll(() => target.points.stands(PAIR, 'drill', disks), { timeout: 15_000 })
      .toEqual({ ok: true, value: false });
    expect(await target.points.take(PAIR, 'drill', disks)).toMatchObject({ value: { already: false } });
    expect(await target.points.stands(PAIR, 'drill', disks)).toEqual({ ok: true, value: true });
  });

  it('does without the sink where QEMU has no quorum, and for a point that shall be sealed', async () => {
    const backs = () =>
      [...daemon.nodes]
        .filter(([node]) => node.startsWith('up'))
        .map(([, { file }]) => String(file).slice(0, 3));
    await target.points.take(PAIR, 'seal', disks);
    expect(backs()).toEqual(['uqs', 'uqs']);
    await target.points.undo(PAIR, 'seal', disks);
    daemon.instead.set('blockdev-add', (call) => {
      if (call.arguments.driver === 'quorum') return refuse("Unknown driver 'quorum'");
      daemon.nodes.set(String(call.arguments['node-name']), call.arguments);
      return { return: {} };
    });
    expect(await target.points.take(PAIR, 'drill', disks)).toMatchObject({ ok: true });
    expect(backs()).toEqual(['uqd', 'uqd']);
  });

  it('believes nothing of a point whose daemon was killed', async () => {
    await target.points.take(PAIR, 'seal', disks);
    for (const state of [daemon.jobs, daemon.nodes, daemon.exports]) state.clear();
    expect(await target.points.stands(PAIR, 'seal', disks)).toEqual({ ok: true, value: false });
    expect(await target.points.seal(PAIR, 'seal', disks)).toMatchObject({ problem: { kind: 'point-gone' } });
    expect(existsSync(overlayPath(String(disks[0]?.path), 'seal'))).toBe(true);
    expect(await target.points.undo(PAIR, 'seal', disks)).toMatchObject({ ok: true });
    expect(images()).toEqual(['vda.qcow2', 'vdb.qcow2']);
  });

  it('seals only what stood on every disk until the replica was closed', async () => {
    await target.points.take(PAIR, 'seal', disks);
    daemon.jobs.delete('understudy-seal-pair-1.vdb');
    expect(await target.points.seal(PAIR, 'seal', disks)).toMatchObject({ problem: { kind: 'point-gone' } });
    expect([...daemon.nodes.keys()]).toEqual(['u-heartbeat']);
  });

  it('gives sealed overlays their name after they were closed', async () => {
    await target.points.take(PAIR, 'seal', disks);
    expect(await target.points.seal(PAIR, 'seal', disks)).toMatchObject({
      value: disks.map(({ path }) => ({ path: sealedPath(path, 'seal'), format: 'qcow2' })),
    });
    const calls = daemon.qmp.calls.map(
      ({ execute, arguments: args }) => `${execute} ${args.id ?? args.device ?? ''}`,
    );
    expect(calls.indexOf('block-export-del x-pair-1.vda')).toBeGreaterThan(0);
    expect(calls.indexOf('block-export-del x-pair-1.vda')).toBeLessThan(
      calls.indexOf('block-job-cancel understudy-seal-pair-1.vda'),
    );
  });
});
