import { execFileSync } from 'node:child_process';
import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

/** What others do to a mirrored guest and to the standby's images, on real QEMU and a real storage daemon. */
let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench.close());

const qemuIo = (path: string, ...commands: string[]): void =>
  void execFileSync('qemu-io', [...commands.flatMap((command) => ['-c', command]), path], {
    stdio: 'ignore',
  });

describe('images that have to fit other disks', () => {
  it('grow by zeroes, are made where they are missing, and never become smaller', async () => {
    const { target } = bench.parts;
    const [vda, vdb] = bench.replicaDisks();
    if (!vda || !vdb) throw new Error('the bench has two disks');
    expect(await target.create(PAIR, [vda, vdb], 'aside-e1')).toMatchObject({ ok: true });
    qemuIo(vda.path, 'write -P 7 0 64k');
    expect(await target.open(PAIR, [vda, vdb])).toMatchObject({ ok: true });
    // Told while the storage daemon has them open.
    expect(await target.sizes([vda, vdb])).toEqual({ vda: 32 * MIB, vdb: 64 * MIB });

    rmSync(vdb.path);
    const larger = [{ ...vda, sizeBytes: 48 * MIB }, vdb];
    expect(await target.fit(PAIR, larger)).toEqual({ ok: true, value: undefined });
    expect(target.isOpen(PAIR)).toBe(false);
    expect(await target.sizes(larger)).toEqual({ vda: 48 * MIB, vdb: 64 * MIB });
    qemuIo(vda.path, 'read -P 7 0 64k', 'read -P 0 32M 16M');

    expect(await target.fit(PAIR, [{ ...vda, sizeBytes: 16 * MIB }, vdb])).toMatchObject({ ok: true });
    expect(await target.sizes([vda])).toEqual({ vda: 48 * MIB });
  });

  it('are none where the file is of another format, or no image at all', async () => {
    const { target } = bench.parts;
    const [vda] = bench.replicaDisks();
    if (!vda) throw new Error('the bench has two disks');
    expect(await target.sizes([vda])).toEqual({ vda: null });
    execFileSync('qemu-img', ['create', '-q', '-f', 'raw', vda.path, '32M']);
    expect(await target.sizes([vda])).toEqual({ vda: null });
  });

  it('tell whoever looks that another file lies there, or that they were written to', async () => {
    const { target } = bench.parts;
    const [vda] = bench.replicaDisks();
    if (!vda) throw new Error('the bench has two disks');
    const print = async () => (await target.prints([vda.path]))[vda.path];
    expect(await print()).toBeNull();
    await target.create(PAIR, [vda], 'aside-e1');
    const made = await print();
    expect(await print()).toEqual(made);
    qemuIo(vda.path, 'write -P 9 0 64k');
    const written = await print();
    expect(written?.file).toBe(made?.file);
    expect(written?.writtenMs).toBeGreaterThan(made?.writtenMs ?? Number.POSITIVE_INFINITY);
    copyFileSync(vda.path, `${vda.path}.new`);
    renameSync(`${vda.path}.new`, vda.path);
    expect((await print())?.file).not.toBe(made?.file);
  });
});

it('a mirror whose job is cancelled in the monitor holds the other disks, and its bitmaps know what is missing', async () => {
  await bench.inSync();
  await until(async () => (await bench.source.distanceKnown(PAIR)) !== null);
  const { guest } = bench.parts;
  const jobs = await guest.qmp.execute('query-block-jobs');
  const [job] = jobs.ok ? (jobs.value as { device: string }[]) : [];
  expect(await guest.qmp.execute('block-job-cancel', { device: job?.device, force: true })).toMatchObject({
    ok: true,
  });
  await until(() => bench.state === 'held');
  expect(bench.source.status(PAIR)?.problem).toMatchObject({ kind: 'mirror-cancelled' });
  expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
  const before = guest.completed;
  await guest.write('vda', 5, 8 * MIB, 65_536);
  await until(() => guest.completed === before + 1);
  expect((await bench.source.distanceKnown(PAIR))?.bytes).toBeGreaterThanOrEqual(65_536);
});

it('QEMU lets nobody enlarge a disk whose mirror stands', async () => {
  await bench.inSync();
  const { guest } = bench.parts;
  const blocks = await guest.qmp.execute('query-block');
  const nodes = (blocks.ok ? (blocks.value as { inserted?: { 'node-name'?: string } }[]) : []).flatMap(
    ({ inserted }) => inserted?.['node-name'] ?? [],
  );
  const resized = await guest.qmp.execute('block_resize', { 'node-name': nodes[0], size: 64 * MIB });
  expect(resized).toMatchObject({ ok: false });
  expect(resized.ok ? '' : resized.problem.message).toMatch(/busy|in use/i);
});
