import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Hypervisor } from '../../agent/hypervisor/hypervisor.ts';
import { BlockLayer } from '../../agent/replication/mirror/block-layer.ts';
import { addBitmap, ChangeLayer } from '../../agent/replication/mirror/change-layer.ts';
import { SavedMirrors } from '../../agent/replication/mirror/saved.ts';
import { pairDigest } from '../../agent/replication/names.ts';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { GUEST_UUID, guestHypervisor } from './replication/guest-hypervisor.ts';
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

  it('keeps nobody from ending the mirror in the middle, and from making another', async () => {
    const verifying = bench.verify();
    await until(() => bench.parts.target.digesting(PAIR) !== null);
    expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
    writing = false;
    await writer;
    expect(await bench.compare('g2')).toMatchObject({ ok: true });
    expect((await verifying).ok).toBe(false);
    await until(() => bench.state === 'in-sync');
    expect(await bench.verify()).toMatchObject({ ok: true, value: { differing: { bytes: 0 } } });
  });

  it('leaves nothing in QEMU once the agent after a killed one has cleared up', async () => {
    const { guest, directory } = bench.parts;
    const hypervisor = guestHypervisor(guest) as Hypervisor;
    const left = async (): Promise<string[]> => {
      const nodes = await hypervisor.monitor(GUEST_UUID, 'query-named-block-nodes', { flat: true });
      const offers = await hypervisor.monitor(GUEST_UUID, 'query-block-exports');
      return JSON.stringify([nodes, offers]).match(/"(verify-|understudy-vd)/g) ?? [];
    };
    // What it had made, as verify.ts makes it.
    const [saved] = await new SavedMirrors(join(directory, 'primary/mirrors'), () => undefined).read();
    const changes = new ChangeLayer(hypervisor, GUEST_UUID, PAIR);
    const sockets = await new BlockLayer(hypervisor, GUEST_UUID, PAIR).socketDirectory();
    if (!sockets.ok) throw new Error(sockets.problem.message);
    expect(await changes.serve(join(sockets.value, 'left.sock'))).toMatchObject({ ok: true });
    for (const { target, sizeBytes } of bench.replicaDisks()) {
      const disk = { target, sizeBytes, device: saved?.devices?.[target] ?? '' };
      const bitmap = addBitmap(disk, `verify-${pairDigest(PAIR)}`);
      expect(await changes.transact([bitmap])).toMatchObject({ ok: true });
      expect(await changes.offer(disk, null)).toMatchObject({ ok: true });
    }
    expect((await left()).length).toBeGreaterThan(1);
    await bench.restartAgent();
    await bench.source.endVerify(PAIR);
    expect(await left()).toEqual([]);
    expect(bench.state).toBe('in-sync');
    // Idempotent, and with nothing left.
    await bench.source.endVerify(PAIR);
    expect(await bench.verify()).toMatchObject({ ok: true, value: { differing: { bytes: 0 } } });
  });

  it('can be broken off', async () => {
    const giveUp = new AbortController();
    giveUp.abort();
    expect((await bench.verify(giveUp.signal)).ok).toBe(false);
    expect(bench.state).toBe('in-sync');
    expect(await bench.verify()).toMatchObject({ ok: true });
  });
});
