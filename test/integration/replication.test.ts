import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, MIB, PAIR, smallFileSystem } from './replication/bench.ts';
import { stays, until } from './replication/ports.ts';

describe('the mirror through the forwarder to a storage daemon', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  it('copies two disks, follows every write, and leaves identical images', async () => {
    const { guest, target } = bench.parts;
    await guest.write('vda', 17, 0, 4 * MIB);
    await guest.write('vdb', 34, 8 * MIB, MIB);
    await until(() => guest.completed === 2);
    await bench.inSync();
    for (let n = 0; n < 20; n += 1) await guest.write('vda', n + 1, 8 * MIB + n * 65536, 65536);
    await guest.write('vdb', 51, 0, 65536);
    await until(() => guest.completed === 23);
    await guest.quit();
    await until(() => bench.state === 'off');
    expect(bench.source.endedInSync(PAIR)).toBe(true);
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(target.isOpen(PAIR)).toBe(false);
    expect(bench.identical()).toBe(true);
  });

  it("ends a running guest's mirror drained, and does not call that copy current", async () => {
    await bench.inSync();
    const { guest, target } = bench.parts;
    expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
    expect(bench.state).toBeNull();
    expect(bench.source.endedInSync(PAIR)).toBe(false);
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    await guest.write('vda', 5, 0, 65536);
    await until(() => guest.completed === 1);
    // Nothing of it is left in QEMU: the same copy can be started again.
    await bench.inSync();
  });

  it('reports progress while copying', async () => {
    const { guest } = bench.parts;
    await guest.write('vdb', 9, 0, 48 * MIB);
    await until(() => guest.completed === 1);
    await bench.inSync();
    const states = bench.told.map((status) => status.state);
    expect(states[0]).toBe('copying');
    expect(states.at(-1)).toBe('in-sync');
    for (const status of bench.told) expect(status.doneBytes).toBeLessThanOrEqual(status.totalBytes);
  });

  it('holds every write when the storage daemon is killed, and lets go only when told', async () => {
    await bench.inSync();
    const { guest, standby } = bench.parts;
    await standby.kill('understudy-storage.service');
    await until(() => bench.state === 'held');
    await guest.write('vda', 7, 0, 65536);
    await stays(() => guest.completed === 0, 500);
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('replica-lost');
    expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
    await until(() => guest.completed === 1);
    expect(bench.state).toBe('broken');
    expect(bench.source.endedInSync(PAIR)).toBe(false);
    expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
    expect(bench.state).toBeNull();
    await guest.write('vdb', 8, 0, 65536);
    await until(() => guest.completed === 2);
  });

  it('has every acknowledged write on the replica when the storage daemon is killed', async () => {
    await bench.inSync();
    const { guest, standby, target } = bench.parts;
    // Each a new cluster, so that image tables change with every write.
    const pattern = (offset: number) => ((offset / 65536) % 250) + 1;
    for (let n = 0; n < 80; n += 1) {
      if (n === 60) await until(() => guest.completed >= 20);
      await guest.write('vda', pattern(n * 65536), n * 65536, 65536);
      if (n === 60) await standby.kill('understudy-storage.service');
    }
    await until(() => bench.state === 'held');
    const replica = bench.replica('vda');
    expect(guest.completed).toBeGreaterThanOrEqual(20);
    expect(guest.acknowledged.filter((offset) => replica[offset] !== pattern(offset))).toEqual([]);
    await target.close(PAIR);
  });

  it('notices a hung storage daemon in about 0.4 s', async () => {
    await bench.inSync();
    const { guest, standby } = bench.parts;
    const pid = standby.pid('understudy-storage.service');
    const started = performance.now();
    process.kill(pid, 'SIGSTOP');
    await guest.write('vda', 7, 0, 65536);
    await until(() => bench.state === 'held');
    const noticed = performance.now() - started;
    process.kill(pid, 'SIGCONT');
    expect(noticed).toBeGreaterThan(300);
    expect(noticed).toBeLessThan(5_000);
    expect(bench.source.status(PAIR)?.problem?.message).toContain('boreas');
    // It answers again, so the mirror goes on without a new copy.
    await until(() => bench.state === 'in-sync' && guest.completed === 1);
    await guest.quit();
    await until(() => bench.state === 'off');
    await bench.parts.target.close(PAIR);
    expect(bench.identical()).toBe(true);
  });

  it('holds both disks in a silent cut, and heals without a copy', async () => {
    await bench.inSync();
    const { guest, link } = bench.parts;
    link.connected = false;
    await guest.write('vda', 7, 0, 65536);
    await guest.write('vdb', 8, 65536, 65536);
    await until(() => bench.state === 'held');
    await stays(() => guest.completed === 0, 300);
    link.connected = true;
    await until(() => bench.state === 'in-sync' && guest.completed === 2);
    await guest.quit();
    await until(() => bench.state === 'off');
    expect(bench.source.endedInSync(PAIR)).toBe(true);
    await bench.parts.target.close(PAIR);
    expect(bench.identical()).toBe(true);
  });

  it('holds writes into an export that was closed under it', async () => {
    await bench.inSync();
    const { guest, target } = bench.parts;
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    await guest.write('vda', 7, 0, 65536);
    await until(() => bench.state === 'held');
    await stays(() => guest.completed === 0, 700);
    expect(await target.close(PAIR)).toMatchObject({ ok: true });
    expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
    await until(() => guest.completed === 1);
  });

  it('keeps holding over a crash of the forwarder, then goes on by itself', async () => {
    await bench.inSync();
    const { guest, primary, link } = bench.parts;
    link.connected = false;
    await guest.write('vda', 7, 0, 65536);
    await until(() => bench.state === 'held');
    await primary.kill('understudy-forwarder.service');
    await stays(() => guest.completed === 0, 1_500);
    link.connected = true;
    await until(() => bench.state === 'in-sync' && guest.completed === 1);
    await primary.kill('understudy-forwarder.service');
    await guest.write('vdb', 8, 0, 65536);
    await until(() => guest.completed === 2 && bench.state === 'in-sync');
    await guest.quit();
    await until(() => bench.state === 'off');
    await bench.parts.target.close(PAIR);
    expect(bench.identical()).toBe(true);
  });

  it('waits held for its release when somebody cancels a job by hand', async () => {
    await bench.inSync();
    const { guest } = bench.parts;
    const job = { device: `understudy-${PAIR}-vda`, force: true };
    expect(await guest.qmp.execute('block-job-cancel', job)).toMatchObject({ ok: true });
    await until(() => bench.state === 'held');
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('mirror-ended');
    // The other disk waits too: one newer than the other would be no copy.
    await guest.write('vdb', 8, 0, 65536);
    await stays(() => guest.completed === 0 && bench.state === 'held', 700);
    expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
    await until(() => guest.completed === 1);
    expect(bench.state).toBe('broken');
  });

  it('lets the guest go on when told even after the forwarder lost all it knew', async () => {
    await bench.inSync();
    const { guest, primary, directory, link } = bench.parts;
    link.connected = false;
    await primary.kill('understudy-forwarder.service');
    rmSync(join(directory, 'primary/run/forwarder'), { recursive: true });
    await guest.write('vda', 7, 0, 65536);
    await until(() => bench.state === 'held');
    await stays(() => guest.completed === 0, 500);
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('stream-lost');
    expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
    await until(() => guest.completed === 1);
    expect(bench.state).toBe('broken');
    link.connected = true;
    await bench.inSync();
  });

  it('ends in order when the storage daemon is stopped in order, without losing a write', async () => {
    await bench.inSync();
    const { guest, standby } = bench.parts;
    await guest.write('vda', 7, 0, 65536);
    await until(() => guest.completed === 1);
    await standby.kill('understudy-storage.service', 'SIGTERM');
    await until(() => bench.state === 'held');
    expect(bench.replica('vda')[0]).toBe(7);
  });

  it('finds a mirror again after an agent restart, and one that ended meanwhile', async () => {
    await bench.inSync();
    const { guest, target } = bench.parts;
    await bench.restartAgent();
    expect(bench.state).toBe('in-sync');
    expect(target.isOpen(PAIR)).toBe(true);
    await guest.write('vda', 7, 0, 65536);
    await until(() => guest.completed === 1);
    await bench.source.stop();
    await guest.quit();
    await bench.restartAgent();
    expect(bench.source.endedInSync(PAIR)).toBe(true);
    await target.close(PAIR);
    expect(bench.identical()).toBe(true);
  });

  it('does not call the copy current when QEMU was killed', async () => {
    await bench.inSync();
    await bench.parts.guest.kill();
    await until(() => bench.state === 'broken');
    expect(bench.source.endedInSync(PAIR)).toBe(false);
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('guest-ended');
  });

  it('says what is missing when a disk or an export is not there', async () => {
    const { guest, target } = bench.parts;
    await target.create(PAIR, bench.replicaDisks(), 'aside-e1');
    const offered = await target.open(PAIR, bench.replicaDisks());
    if (!offered.ok) throw new Error(offered.problem.message);
    const order = bench.order(offered.value);
    const elsewhere = order.disks.map((disk) => ({ ...disk, path: '/nowhere.qcow2' }));
    expect(await bench.source.mirror({ ...order, disks: elsewhere })).toMatchObject({
      ok: false,
      problem: { kind: 'disk-not-found' },
    });
    await target.close(PAIR);
    expect(await bench.source.mirror(order)).toMatchObject({
      ok: false,
      problem: { kind: 'export-refused' },
    });
    await guest.write('vda', 7, 0, 65536);
    await until(() => guest.completed === 1);
  });
});

describe('what the standby refuses', () => {
  it("a stranger's certificate", async () => {
    const bench = await Bench.open({ stranger: true });
    try {
      const started = await bench.protect();
      expect(started).toMatchObject({ ok: false, problem: { kind: 'replication-refused' } });
      expect(bench.state).toBeNull();
    } finally {
      await bench.close();
    }
  });

  it('a host whose certificate names another', async () => {
    const bench = await Bench.open();
    try {
      await bench.parts.target.create(PAIR, bench.replicaDisks(), 'aside-e1');
      const offered = await bench.parts.target.open(PAIR, bench.replicaDisks());
      if (!offered.ok) throw new Error(offered.problem.message);
      const started = await bench.source.mirror(bench.order({ ...offered.value, serverName: 'host-c' }));
      expect(started).toMatchObject({ ok: false, problem: { kind: 'replication-refused' } });
    } finally {
      await bench.close();
    }
  });

  it('more than its disk holds, naming host and file', async () => {
    const small = smallFileSystem(72);
    const bench = await Bench.open({ replicaDir: small.path });
    try {
      await bench.parts.guest.write('vdb', 9, 0, 60 * MIB);
      await bench.parts.guest.write('vda', 9, 0, 30 * MIB);
      await until(() => bench.parts.guest.completed === 2);
      const started = await bench.protect();
      expect(started).toMatchObject({ ok: true });
      await until(() => bench.state === 'held');
      expect(bench.source.status(PAIR)?.problem).toMatchObject({
        kind: 'standby-disk-full',
        details: { host: 'boreas', path: expect.stringMatching(`^${small.path}/vd[ab].qcow2$`) },
      });
      expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
      expect(bench.source.status(PAIR)).toMatchObject({
        state: 'broken',
        problem: { kind: 'standby-disk-full' },
      });
    } finally {
      await bench.close();
      small.remove();
    }
  });

  it('a copy for which there is no room at all', async () => {
    const small = smallFileSystem(1);
    const bench = await Bench.open({ replicaDir: small.path });
    try {
      expect(await bench.protect()).toMatchObject({ ok: false, problem: { kind: 'standby-disk-full' } });
    } finally {
      await bench.close();
      small.remove();
    }
  });
});

describe('the images on the standby', () => {
  it('are made empty; old ones are set aside, each under a name of its own, and deleted when told', async () => {
    const bench = await Bench.open();
    try {
      const { target, replicaDir } = bench.parts;
      const disks = bench.replicaDisks();
      writeFileSync(join(replicaDir, 'vda.qcow2'), 'old');
      const first = await target.create(PAIR, disks, 'aside-e1');
      expect(first).toEqual({ ok: true, value: { aside: [join(replicaDir, 'vda.qcow2.aside-e1')] } });
      const second = await target.create(PAIR, disks, 'aside-e1');
      if (!second.ok) throw new Error(second.problem.message);
      expect(second.value.aside).toEqual([
        join(replicaDir, 'vda.qcow2.aside-e1-2'),
        join(replicaDir, 'vdb.qcow2.aside-e1'),
      ]);
      expect(await target.discard([...second.value.aside, '/nowhere/at-all'])).toMatchObject({ ok: true });
      expect(await target.remove(PAIR, disks)).toMatchObject({ ok: true });
      expect(readdirSync(replicaDir)).toEqual(['vda.qcow2.aside-e1']);
    } finally {
      await bench.close();
    }
  });
});
