import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, PAIR } from './replication/bench.ts';
import { stays, until } from './replication/ports.ts';

describe('a mirror of which a part fails', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

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
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('mirror-cancelled');
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

  it('does not call the copy current when QEMU was killed', async () => {
    await bench.inSync();
    await bench.parts.guest.kill();
    await until(() => bench.state === 'broken');
    expect(bench.source.endedInSync(PAIR)).toBe(false);
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('guest-ended');
  });
});
