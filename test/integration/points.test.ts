import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExportAddress } from '../../agent/protocol/index.ts';
import { Bench, MIB, PAIR, smallFileSystem } from './replication/bench.ts';
import { until } from './replication/ports.ts';

/** One disk of an export, read as another process of this host reads it: over mutual TLS. */
function read(bench: Bench, remote: ExportAddress, disk: string): Buffer {
  const directory = join(bench.parts.directory, 'reader');
  mkdirSync(directory, { recursive: true });
  const own = join(bench.parts.directory, 'primary/tls');
  copyFileSync(join(own, 'ca.crt'), join(directory, 'ca-cert.pem'));
  copyFileSync(join(own, 'host.crt'), join(directory, 'client-cert.pem'));
  copyFileSync(join(own, 'host.key'), join(directory, 'client-key.pem'));
  const raw = join(directory, `${disk}.raw`);
  const image = {
    driver: 'nbd',
    'server.type': 'inet',
    'server.host': '127.0.0.1',
    'server.port': remote.port,
    export: remote.exports[disk],
    'tls-creds': 'tls0',
    'tls-hostname': remote.serverName,
  };
  const options = Object.entries(image).map(([key, value]) => `${key}=${value}`);
  execFileSync('qemu-img', [
    ...['convert', '--object', `tls-creds-x509,id=tls0,dir=${directory},endpoint=client`],
    ...['--image-opts', options.join(','), '-O', 'raw', raw],
  ]);
  return readFileSync(raw);
}

describe('a point of a replica in a real storage daemon', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
    await bench.inSync();
  });
  afterEach(() => bench.close());
  const disks = () => bench.replicaDisks();
  const points = () => bench.parts.target.points;
  const leftovers = () => readdirSync(bench.parts.replicaDir).filter((name) => name.includes('.point-'));

  async function write(disk: string, pattern: number, offset: number, length: number): Promise<void> {
    const { guest } = bench.parts;
    const wanted = guest.completed + 1;
    await guest.write(disk, pattern, offset, length);
    await until(() => guest.completed === wanted);
  }

  async function identicalAtTheEnd(): Promise<void> {
    await bench.parts.guest.quit();
    await until(() => bench.state === 'off');
    await bench.parts.target.close(PAIR);
    expect(bench.identical()).toBe(true);
  }

  it('reads as both disks were at its instant, while they are written on', async () => {
    await write('vda', 1, 0, MIB);
    await write('vdb', 2, 0, MIB);
    expect(await points().take(PAIR, 'drill', disks())).toMatchObject({ ok: true });
    await write('vda', 3, 0, MIB / 2);
    await write('vdb', 4, 4 * MIB, MIB);
    const offered = await points().offer(PAIR, 'drill', disks());
    if (!offered.ok) throw new Error(offered.problem.message);
    await write('vdb', 5, MIB / 2, MIB);
    const [vda, vdb] = ['vda', 'vdb'].map((disk) => read(bench, offered.value, disk));
    expect(vda?.subarray(0, MIB).every((byte) => byte === 1)).toBe(true);
    expect(vdb?.subarray(0, MIB).every((byte) => byte === 2)).toBe(true);
    expect(vdb?.subarray(MIB).every((byte) => byte === 0)).toBe(true);
    expect(await points().sizeBytes('drill', disks())).toBeGreaterThan(0);
    expect(bench.state).toBe('in-sync');
    expect(await points().undo(PAIR, 'drill', disks())).toMatchObject({ ok: true });
    expect(leftovers()).toEqual([]);
    await write('vda', 6, 0, MIB);
    await identicalAtTheEnd();
  });

  it('is found by an agent that had been killed, and removed without a trace', async () => {
    await points().take(PAIR, 'drill', disks());
    await points().offer(PAIR, 'drill', disks());
    await bench.parts.target.stop();
    await bench.parts.target.start();
    expect(await points().stands(PAIR, 'drill', disks())).toEqual({ ok: true, value: true });
    expect(await points().undo(PAIR, 'drill', disks())).toMatchObject({ ok: true });
    expect(leftovers()).toEqual([]);
    await write('vda', 9, 0, MIB);
    await identicalAtTheEnd();
  });

  it('is gone with the daemon, and what it left is removed', async () => {
    await points().take(PAIR, 'drill', disks());
    await bench.parts.standby.kill('understudy-storage.service');
    await until(() => bench.state === 'held');
    expect(leftovers()).not.toEqual([]);
    expect(await points().undo(PAIR, 'drill', disks())).toMatchObject({ ok: true });
    expect(leftovers()).toEqual([]);
    expect(await points().stands(PAIR, 'drill', disks())).toEqual({ ok: true, value: false });
  });

  it('does not keep the replica from being closed, with somebody reading it', async () => {
    await points().take(PAIR, 'drill', disks());
    await points().offer(PAIR, 'drill', disks());
    const began = performance.now();
    expect(await bench.parts.target.close(PAIR)).toMatchObject({ ok: true });
    console.log(`closed beside a point in ${Math.round(performance.now() - began)} ms`);
    // Free: nobody has it open any more.
    for (const { path } of disks()) execFileSync('qemu-img', ['check', '-q', path]);
    expect(await points().undo(PAIR, 'drill', disks())).toMatchObject({ ok: true });
    expect(leftovers()).toEqual([]);
  });

  it('sealed, puts a replica back that was written over half-way', async () => {
    await write('vda', 1, 0, 2 * MIB);
    await write('vdb', 2, 0, 2 * MIB);
    await points().take(PAIR, 'seal', disks());
    await write('vda', 7, MIB, 4 * MIB);
    const sealed = await points().seal(PAIR, 'seal', disks());
    if (!sealed.ok) throw new Error(sealed.problem.message);
    for (const { path } of sealed.value) execFileSync('qemu-img', ['commit', '-q', '-f', 'qcow2', path]);
    const vda = bench.replica('vda');
    expect(vda.subarray(0, 2 * MIB).every((byte) => byte === 1)).toBe(true);
    expect(vda.subarray(2 * MIB).every((byte) => byte === 0)).toBe(true);
    expect(
      bench
        .replica('vdb')
        .subarray(0, 2 * MIB)
        .every((byte) => byte === 2),
    ).toBe(true);
    expect(await points().undo(PAIR, 'seal', disks())).toMatchObject({ ok: true });
    expect(leftovers()).toEqual([]);
  });

  it('takes a few milliseconds', async () => {
    const taken: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      await write('vda', n + 1, 0, MIB);
      const point = await points().take(PAIR, 'drill', disks());
      if (!point.ok) throw new Error(point.problem.message);
      taken.push(point.value.tookMs);
      await points().undo(PAIR, 'drill', disks());
    }
    console.log(`points taken in ms: ${taken.map((ms) => ms.toFixed(1)).join(' ')}`);
    expect(Math.min(...taken)).toBeLessThan(1_000);
  });
});

describe('a point on a disk that fills up', () => {
  it('breaks, and the replica goes on', async () => {
    const small = smallFileSystem(96);
    const bench = await Bench.open({ replicaDir: small.path });
    try {
      await bench.inSync();
      const { guest, target } = bench.parts;
      const disks = bench.replicaDisks();
      await guest.write('vda', 1, 0, 16 * MIB);
      await until(() => guest.completed === 1);
      expect(await target.points.take(PAIR, 'drill', disks)).toMatchObject({ ok: true });
      const space = statfsSync(small.path);
      writeFileSync(join(small.path, 'filler'), Buffer.alloc(space.bavail * space.bsize - 2 * MIB));
      for (let n = 0; n < 16; n += 1) await guest.write('vda', n + 2, n * MIB, MIB);
      await until(() => guest.completed === 17);
      await until(async () => {
        const stands = await target.points.stands(PAIR, 'drill', disks);
        return stands.ok && !stands.value;
      });
      expect(bench.state).toBe('in-sync');
      expect(await target.points.undo(PAIR, 'drill', disks)).toMatchObject({ ok: true });
      await guest.quit();
      await until(() => bench.state === 'off');
      await target.close(PAIR);
      expect(bench.identical()).toBe(true);
    } finally {
      await bench.close();
      small.remove();
    }
  });
});
