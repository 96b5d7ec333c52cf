import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PointMode } from '../../agent/protocol/index.ts';
import { Bench, MIB, PAIR, smallFileSystem } from './replication/bench.ts';
import { until } from './replication/ports.ts';

const OFTEN: PointMode = {
  kind: 'interval',
  // Points are asked for by the tests, not by the clock.
  everyS: 3_600,
  retention: { last: 100, hourly: 0, daily: 0, weekly: 0 },
};
const CHUNK = 65536;

describe('restore points of a running machine', () => {
  let bench: Bench;
  /** What the guest's disks must read like, as it was told that they do. */
  let disks: Record<string, Buffer>;

  beforeEach(async () => {
    bench = await Bench.open();
    disks = { vda: Buffer.alloc(32 * MIB), vdb: Buffer.alloc(64 * MIB) };
  });
  afterEach(() => bench.close());

  const points = () => bench.parts.target.restore.list(PAIR);
  const now = (): Buffer[] => Object.values(disks).map((disk) => Buffer.from(disk));
  const alike = (a: Buffer[], b: Buffer[]): boolean[] =>
    a.map((one, n) => one.equals(b[n] ?? Buffer.alloc(0)));

  async function write(target: string, from: number, chunks: number, pattern: number): Promise<void> {
    const { guest } = bench.parts;
    const before = guest.completed;
    for (let n = 0; n < chunks; n += 1) {
      await guest.write(target, pattern, from + n * CHUNK, CHUNK);
      disks[target]?.fill(pattern, from + n * CHUNK, from + (n + 1) * CHUNK);
    }
    await until(() => guest.completed === before + chunks);
  }

  /** Orders a point, and waits until it is complete. @returns how many there are */
  async function another(): Promise<number> {
    const wanted = points().length + 1;
    expect(await bench.follow(OFTEN)).toMatchObject({ ok: true });
    await until(() => points().length === wanted && bench.source.status(PAIR)?.follow?.nextAt !== null);
    return wanted;
  }

  it('keeps every point as the disks were, all disks of one instant', async () => {
    const past: Buffer[][] = [];
    await write('vda', 0, 64, 1);
    await another();
    past.push(now());
    await write('vda', MIB, 10, 2);
    await write('vdb', 8 * MIB, 20, 3);
    await another();
    past.push(now());
    await write('vdb', 8 * MIB, 4, 4);
    await another();
    past.push(now());
    expect(bench.source.status(PAIR)).toMatchObject({ state: 'following', problem: null });
    await bench.source.end(PAIR);
    for (const [n, { id }] of points().entries())
      expect(alike(await bench.surfaced(id), past[n] ?? [])).toEqual([true, true]);
  });

  it('sends after the first point what was written since, and says how much that is', async () => {
    await write('vda', 0, 128, 1);
    await another();
    await write('vda', 4 * MIB, 40, 2);
    await until(() => bench.source.status(PAIR)?.follow?.behindBytes === 40 * CHUNK, 10_000);
    const results: { way: string; sentBytes: number }[] = [];
    bench.followers.onMade((_pair, result) => results.push(result));
    await another();
    expect(results).toMatchObject([{ way: 'changes', point: { bytes: 40 * CHUNK } }]);
    expect((results[0]?.sentBytes ?? 0) / (40 * CHUNK)).toBeLessThan(1.1);
  });

  it('throws half a point away, and sends what it lacked with the next', async () => {
    await write('vda', 0, 16, 1);
    await another();
    const before = now();
    await write('vdb', 0, 600, 2);
    const { link } = bench.parts;
    expect(await bench.follow(OFTEN)).toMatchObject({ ok: true });
    link.connected = false;
    await until(() => bench.source.status(PAIR)?.problem !== null, 40_000);
    expect(points()).toHaveLength(1);
    await bench.source.end(PAIR);
    expect(alike(await bench.surfaced(null), before)).toEqual([true, true]);
    link.connected = true;
    await write('vda', 0, 1, 3);
    await another();
    await bench.source.end(PAIR);
    expect(alike(await bench.surfaced(null), now())).toEqual([true, true]);
  });

  it('counts for nothing what the standby was about to keep when it died', async () => {
    await write('vda', 0, 16, 1);
    await another();
    await write('vda', 0, 16, 2);
    const { restore } = bench.parts.target;
    const begun = await restore.begin(PAIR, bench.replicaDisks());
    expect(begun).toMatchObject({ ok: true });
    await bench.parts.standby.kill('understudy-storage.service');
    const point = { id: 'half', at: 1, quiesced: false, bytes: 0 };
    await until(async () => !(await restore.seal(PAIR, bench.replicaDisks(), point)).ok);
    expect(await restore.seal(PAIR, bench.replicaDisks(), point)).toMatchObject({
      problem: { kind: 'layer-gone' },
    });
    expect(points()).toHaveLength(1);
    await another();
    await bench.source.end(PAIR);
    expect(alike(await bench.surfaced(null), now())).toEqual([true, true]);
  });

  it('compares both sides when nobody knows what was written since', async () => {
    await write('vda', 0, 64, 1);
    await write('vdb', 0, 64, 1);
    await another();
    await bench.source.end(PAIR);
    await bench.restartGuest();
    await write('vdb', 16 * MIB, 3, 2);
    const results: { way: string }[] = [];
    bench.followers.onMade((_pair, result) => results.push(result));
    await another();
    expect(results).toMatchObject([{ way: 'compare', point: { bytes: 3 * CHUNK } }]);
    await bench.source.end(PAIR);
    expect(alike(await bench.surfaced(null), now())).toEqual([true, true]);
  });

  it('gives points up as its rule says, without changing the others', async () => {
    const past: Buffer[][] = [];
    for (let n = 1; n <= 5; n += 1) {
      await write('vda', (n % 3) * MIB, 12, n);
      await another();
      past.push(now());
    }
    await bench.source.end(PAIR);
    const { restore } = bench.parts.target;
    const ids = points().map(({ id }) => id);
    const rule = { last: 2, hourly: 0, daily: 0, weekly: 0 };
    expect(await restore.prune(PAIR, bench.replicaDisks(), rule)).toEqual({
      ok: true,
      value: { dropped: 3 },
    });
    expect(points().map(({ id }) => id)).toEqual(ids.slice(3));
    expect(readdirSync(bench.parts.replicaDir).filter((name) => name.includes('vda'))).toHaveLength(2);
    await write('vda', 0, 1, 9);
    await another();
    past.push(now());
    await bench.source.end(PAIR);
    for (const [n, { id }] of points().entries())
      expect(alike(await bench.surfaced(id), past[n + 3] ?? [])).toEqual([true, true]);
  });

  it('breaks the giving up of points off for whoever wants to start, and finishes it later', async () => {
    const past: Buffer[][] = [];
    for (let n = 1; n <= 4; n += 1) {
      await write('vdb', (n % 2) * MIB, 40, n);
      await another();
      past.push(now());
    }
    await bench.source.end(PAIR);
    const { restore } = bench.parts.target;
    const pruning = restore.prune(PAIR, bench.replicaDisks(), { last: 1, hourly: 0, daily: 0, weekly: 0 });
    restore.makeWay(PAIR);
    await pruning;
    for (const [n, { id }] of points().toReversed().entries())
      expect(alike(await bench.surfaced(id), past[3 - n] ?? [])).toEqual([true, true]);
    await another();
    await bench.source.end(PAIR);
    expect(alike(await bench.surfaced(null), now())).toEqual([true, true]);
  });

  it('says that the standby is full, keeps what it has, and goes on once there is room', async () => {
    const small = smallFileSystem(200);
    const other = await Bench.open({ replicaDir: small.path });
    try {
      const { guest, target } = other.parts;
      const write = async (disk: string, mebibytes: number): Promise<void> => {
        const before = guest.completed;
        for (let n = 0; n < mebibytes; n += 1) await guest.write(disk, 7, n * MIB, MIB);
        await until(() => guest.completed === before + mebibytes);
      };
      const status = () => other.source.status(PAIR);
      await write('vda', 1);
      expect(await other.follow(OFTEN)).toMatchObject({ ok: true });
      await until(() => target.restore.list(PAIR).length === 1 && status()?.follow?.nextAt !== null);
      // Room for a layer to be begun, and not for what belongs into it.
      writeFileSync(join(small.path, 'somebody-elses'), Buffer.alloc(125 * MIB));
      await write('vda', 32);
      await write('vdb', 64);
      expect(await other.follow(OFTEN)).toMatchObject({ ok: true });
      await until(() => status()?.problem != null);
      expect(status()).toMatchObject({ state: 'following', problem: { kind: 'standby-disk-full' } });
      expect(target.restore.list(PAIR)).toHaveLength(1);
      rmSync(join(small.path, 'somebody-elses'));
      await until(() => target.restore.list(PAIR).length === 2 && status()?.problem === null, 60_000);
    } finally {
      await other.close();
      small.remove();
    }
  });

  it('gives no name twice: what was released may lie beside new points', async () => {
    await write('vda', 0, 8, 1);
    await another();
    await bench.source.end(PAIR);
    const { restore } = bench.parts.target;
    const kept = await restore.release(PAIR);
    expect(points()).toEqual([]);
    await another();
    await bench.source.end(PAIR);
    expect(await bench.parts.target.discard(kept)).toMatchObject({ ok: true });
    expect(alike(await bench.surfaced(null), now())).toEqual([true, true]);
  });

  it('starts a machine beside the points, and leaves nothing when it is removed', async () => {
    await write('vda', 0, 8, 1);
    await another();
    await bench.source.end(PAIR);
    const [disk] = bench.replicaDisks();
    await bench.surfaced(null);
    expect(existsSync(disk?.path ?? '')).toBe(true);
    const { target } = bench.parts;
    expect(await target.remove(PAIR, bench.replicaDisks())).toMatchObject({ ok: true });
    expect(readdirSync(bench.parts.replicaDir)).toEqual([]);
    expect(points()).toEqual([]);
  });

  it('makes the ground of points from a mirrored copy, and sends only what came after it', async () => {
    await write('vda', 0, 64, 1);
    await bench.inSync();
    await until(async () => (await bench.source.distanceKnown(PAIR))?.generation === 'g1');
    await bench.source.end(PAIR);
    const { restore } = bench.parts.target;
    const whole = { id: 'g1', at: Date.now(), quiesced: false, bytes: 0 };
    expect(await restore.adopt(PAIR, bench.replicaDisks(), whole)).toMatchObject({ ok: true });
    expect(await restore.adopt(PAIR, bench.replicaDisks(), whole)).toMatchObject({ ok: true });
    await write('vdb', 0, 5, 2);
    const results: { way: string }[] = [];
    bench.followers.onMade((_pair, result) => results.push(result));
    await another();
    expect(results).toMatchObject([{ way: 'changes', point: { bytes: 5 * CHUNK } }]);
    await bench.source.end(PAIR);
    expect(alike(await bench.surfaced(null), now())).toEqual([true, true]);
  });

  it('mirrors a copy that was kept by points, and sends only what is missing', async () => {
    await write('vda', 0, 64, 1);
    await another();
    await write('vdb', 0, 5, 2);
    const distance = await bench.source.distanceKnown(PAIR);
    const [newest] = points().slice(-1);
    expect(distance).toEqual({ generation: newest?.id, bytes: 5 * CHUNK });
    await bench.source.end(PAIR);
    const { target } = bench.parts;
    expect(await target.restore.surface(PAIR, bench.replicaDisks(), null)).toMatchObject({ ok: true });
    await target.restore.keepSurfaced(PAIR);
    expect(await bench.mirror({ way: 'changes', generation: newest?.id ?? '' })).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    expect(bench.source.figures(PAIR)?.dirtyBytes).toBe(5 * CHUNK);
    await bench.source.end(PAIR);
    await target.close(PAIR);
    expect(
      alike(
        bench.replicaDisks().map(({ target: name }) => bench.replica(name)),
        now(),
      ),
    ).toEqual([true, true]);
  });
});
