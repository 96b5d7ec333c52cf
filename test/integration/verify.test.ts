import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

const CHUNK = 65536;

describe('a replica compared beside the running mirror', () => {
  let bench: Bench;
  /** While it is set, the guest writes on and on. */
  let writing = true;
  let writer: Promise<void>;

  beforeEach(async () => {
    bench = await Bench.open();
    const { guest } = bench.parts;
    for (let n = 0; n < 64; n += 1) await guest.write('vda', (n % 250) + 1, n * CHUNK, CHUNK);
    await until(() => guest.completed === 64);
    await bench.inSync();
    writing = true;
    writer = write();
  });
  afterEach(async () => {
    writing = false;
    await writer;
    await bench.close();
  });

  /** New places and old ones, on both disks. */
  async function write(): Promise<void> {
    const { guest } = bench.parts;
    for (let n = 0; writing; n += 1) {
      const before = guest.completed;
      const target = n % 2 === 0 ? 'vda' : 'vdb';
      await guest.write(target, (n % 250) + 1, 16 * MIB + (n % 40) * CHUNK, 4096);
      await until(() => guest.completed > before || !writing);
    }
  }

  /** The replica's disk decays: other bytes lie in its file than were written. */
  function damage(offset: number): void {
    const path = bench.replicaDisks()[0]?.path ?? '';
    const told = execFileSync('qemu-img', ['map', '-U', '-f', 'qcow2', '--output=json', path], {
      encoding: 'utf8',
    });
    const extents = JSON.parse(told) as { start: number; length: number; offset?: number }[];
    const extent = extents.find(({ start, length }) => start <= offset && offset < start + length);
    if (extent?.offset === undefined) throw new Error('nothing lies there');
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(512, 0xff), 0, 512, extent.offset + offset - extent.start);
    closeSync(file);
  }

  it('is found alike while the guest writes', async () => {
    const found = await bench.verify();
    expect(found).toMatchObject({ ok: true, value: { differing: { bytes: 0, places: [] } } });
    if (!found.ok) return;
    expect(found.value.totalBytes).toBe(96 * MIB);
    expect(found.value.readBytes).toBeGreaterThanOrEqual(64 * CHUNK);
    expect(bench.state).toBe('in-sync');
    // Nothing of it is left in QEMU, and it can be done again.
    expect((await bench.parts.target.endDigest(PAIR, bench.replicaDisks())).ok).toBe(true);
    expect(await bench.verify()).toMatchObject({ ok: true, value: { differing: { bytes: 0 } } });
  });

  it('is found to differ where it has decayed, and nowhere else; comparing all sends it again', async () => {
    damage(3 * CHUNK + 100);
    const found = await bench.verify();
    const places = [{ target: 'vda', offset: 3 * CHUNK, length: CHUNK }];
    expect(found).toMatchObject({ ok: true, value: { differing: { bytes: CHUNK, places } } });
    writing = false;
    await writer;
    expect((await bench.source.end(PAIR)).ok).toBe(true);
    expect(await bench.compare('g2')).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    expect(bench.source.figures(PAIR)?.dirtyBytes).toBe(CHUNK);
    expect(await bench.verify()).toMatchObject({ ok: true, value: { differing: { bytes: 0 } } });
  });

  it('is left alone when the mirror breaks meanwhile: no verdict, and the guest goes on', async () => {
    const { standby } = bench.parts;
    const verifying = bench.verify();
    await standby.kill('understudy-storage.service');
    await until(() => bench.state === 'held');
    expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
    const before = bench.parts.guest.completed;
    await until(() => bench.parts.guest.completed > before);
    expect((await verifying).ok).toBe(false);
  });

  it('can be broken off', async () => {
    const giveUp = new AbortController();
    giveUp.abort();
    expect((await bench.verify(giveUp.signal)).ok).toBe(false);
    expect(bench.state).toBe('in-sync');
    expect(await bench.verify()).toMatchObject({ ok: true });
  });
});
