import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

/** Data that cannot be told from noise would be slow to make; a byte a grain is enough to tell chunks apart. */
const pattern = (offset: number): number => ((offset / 65536) % 250) + 1;

describe('bringing a replica up to date', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());

  async function write(target: string, from: number, chunks: number): Promise<void> {
    const { guest } = bench.parts;
    const before = guest.completed;
    for (let n = 0; n < chunks; n += 1) {
      const offset = from + n * 65536;
      await guest.write(target, (pattern(offset) + before) % 250, offset, 65536);
    }
    await until(() => guest.completed === before + chunks);
  }

  async function endInSync(): Promise<void> {
    await bench.parts.guest.quit();
    await until(() => bench.state === 'off');
    expect(bench.source.endedInSync(PAIR)).toBe(true);
    await bench.parts.target.close(PAIR);
    expect(bench.identical()).toBe(true);
  }

  /** The standby dies, and the guest goes on alone. */
  async function breakIt(): Promise<void> {
    const { standby, target } = bench.parts;
    await standby.kill('understudy-storage.service');
    await until(() => bench.state === 'held');
    expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
    expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
    await target.close(PAIR);
  }

  it('sends after a break what was written since, and nothing else', async () => {
    await write('vda', 0, 256);
    await bench.inSync();
    await until(async () => (await bench.source.distanceKnown(PAIR))?.generation === 'g1');
    await breakIt();
    await write('vda', 4 * MIB, 40);
    await write('vdb', 0, 20);
    expect(await bench.source.distanceKnown(PAIR)).toMatchObject({ generation: 'g1' });
    expect(await bench.mirror({ way: 'changes', generation: 'g1' })).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    const figures = bench.source.figures(PAIR);
    expect(figures).toMatchObject({ way: 'changes' });
    expect(figures?.dirtyBytes).toBe(60 * 65536);
    expect((figures?.sentBytes ?? 0) / (figures?.dirtyBytes ?? 1)).toBeLessThan(1.1);
    await write('vdb', 8 * MIB, 5);
    await endInSync();
  });

  it('compares both sides when nobody knows the distance, and sends what differs', async () => {
    await write('vda', 0, 200);
    await bench.inSync();
    await breakIt();
    await write('vda', 2 * MIB, 3);
    await write('vdb', 30 * MIB, 2);
    const { guest } = bench.parts;
    const zeroes = guest.completed;
    await guest.write('vda', 0, 0, 65536);
    await until(() => guest.completed === zeroes + 1);
    expect(await bench.compare('g2')).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    const figures = bench.source.figures(PAIR);
    expect(figures).toMatchObject({ way: 'compare', dirtyBytes: 6 * 65536 });
    expect(figures?.sentBytes).toBeLessThan(6 * 65536 * 1.1);
    await until(async () => (await bench.source.distanceKnown(PAIR))?.generation === 'g2');
    await endInSync();
  });

  it('knows what is written from the moment a machine has changed hands, whoever its agent is', async () => {
    const { guest, target } = bench.parts;
    await write('vda', 0, 64);
    expect(await target.create(PAIR, bench.replicaDisks(), 'aside-e1')).toMatchObject({ ok: true });
    const offered = await target.open(PAIR, bench.replicaDisks());
    if (!offered.ok) throw new Error(offered.problem.message);
    const order = bench.order(offered.value);
    expect(await bench.source.mirror(order)).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    expect(await bench.source.beginDistance(order, 'given2x1')).toMatchObject({
      problem: { kind: 'guest-went-on' },
    });
    expect(await bench.source.distanceKnown(PAIR)).toBeNull();
    await guest.qmp.execute('stop');
    expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
    expect(bench.source.endedInSync(PAIR)).toBe(true);
    await target.close(PAIR);
    expect(await target.settle(bench.replicaDisks())).toEqual({ ok: true, value: undefined });
    // From here on as on the host that takes the machine over: it stands still, and has written nothing there.
    expect(await bench.source.beginDistance(order, 'given2x1')).toMatchObject({ ok: true });
    await guest.qmp.execute('cont');
    await write('vda', 8 * MIB, 12);
    await write('vdb', 0, 3);
    await bench.restartAgent();
    expect(await bench.source.distanceKnown(PAIR)).toEqual({ generation: 'given2x1', bytes: 15 * 65536 });
    expect(await bench.mirror({ way: 'changes', generation: 'given2x1' })).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    expect(bench.source.figures(PAIR)).toMatchObject({ way: 'changes', dirtyBytes: 15 * 65536 });
    await endInSync();
  });

  it('makes a host\u2019s old disk the ground of the new copy, and leaves it as it was', async () => {
    await write('vda', 0, 64);
    await bench.inSync();
    await breakIt();
    const { target } = bench.parts;
    const disks = bench.replicaDisks();
    const layered = await target.layer(PAIR, disks, 'aside-e1');
    if (!layered.ok || !layered.value) throw new Error('not layered');
    const [old] = layered.value.aside;
    const before = execFileSync('sha256sum', [old ?? '']).toString();
    await write('vda', 0, 4);
    expect(await bench.compare('g2')).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    expect(bench.source.figures(PAIR)?.dirtyBytes).toBe(4 * 65536);
    await endInSync();
    expect(execFileSync('sha256sum', [old ?? '']).toString()).toBe(before);
  });

  async function layeredInSync(): Promise<string[]> {
    await write('vda', 0, 64);
    await bench.inSync();
    await breakIt();
    const layered = await bench.parts.target.layer(PAIR, bench.replicaDisks(), 'aside-e1');
    if (!layered.ok || !layered.value) throw new Error('not layered');
    await write('vda', 0, 4);
    expect(await bench.compare('g2')).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    return layered.value.aside;
  }

  it('makes the copy independent of the old disk while it is being written, so that that can go', async () => {
    const asides = await layeredInSync();
    const { target } = bench.parts;
    // A job that had ended and was still there killed QEMU as soon as somebody listed its nodes: they are listed all the while.
    let over = false;
    const listed = (async () => {
      while (!over) await target.points.undo(PAIR, 'drill', bench.replicaDisks());
    })();
    expect(await target.standAlone(PAIR, bench.replicaDisks(), () => undefined)).toMatchObject({ ok: true });
    over = true;
    await listed;
    expect(await target.discard(asides)).toMatchObject({ ok: true });
    await write('vda', 2 * MIB, 8);
    expect(bench.state).toBe('in-sync');
    await endInSync();
  });

  it('gives the old disk its place back', async () => {
    const asides = await layeredInSync();
    const { target } = bench.parts;
    const before = execFileSync('sha256sum', [asides[0] ?? ''])
      .toString()
      .split(' ')[0];
    await bench.source.end(PAIR);
    const under = Object.fromEntries(
      bench.replicaDisks().map(({ target: name }, n) => [name, asides[n] ?? '']),
    );
    expect(await target.backUnder(PAIR, bench.replicaDisks(), under)).toMatchObject({ ok: true });
    expect(await target.backUnder(PAIR, bench.replicaDisks(), under)).toMatchObject({ ok: true });
    const after = execFileSync('sha256sum', [bench.replicaDisks()[0]?.path ?? ''])
      .toString()
      .split(' ')[0];
    expect(after).toBe(before);
  });

  it('puts a copy that was half brought up to date back to its point', async () => {
    await write('vda', 0, 64);
    await bench.inSync();
    await until(async () => (await bench.source.distanceKnown(PAIR))?.generation === 'g1');
    await breakIt();
    const { target } = bench.parts;
    const disks = bench.replicaDisks();
    const before = bench.replica('vda');
    await write('vda', 0, 64);
    expect(await target.open(PAIR, disks)).toMatchObject({ ok: true });
    expect(await target.points.take(PAIR, 'seal', disks)).toMatchObject({ ok: true });
    expect(await bench.mirror({ way: 'changes', generation: 'g1' })).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    await bench.source.end(PAIR);
    expect(bench.replica('vda').equals(before)).toBe(false);
    expect(await target.backToPoint(PAIR, disks)).toMatchObject({ ok: true });
    expect(bench.replica('vda').equals(before)).toBe(true);
    expect(await target.backToPoint(PAIR, disks)).toMatchObject({ problem: { kind: 'point-gone' } });
  });

  it('lets the guest go on when the standby is lost while it catches up, and knows what is missing', async () => {
    await bench.inSync();
    await until(async () => (await bench.source.distanceKnown(PAIR))?.generation === 'g1');
    await breakIt();
    await write('vdb', 0, 300);
    const { guest, link } = bench.parts;
    const mirrored = await bench.mirror({ way: 'changes', generation: 'g1' });
    expect(mirrored).toMatchObject({ ok: true });
    link.connected = false;
    await write('vda', 0, 3);
    await until(
      () => bench.state === 'broken' || bench.state === 'in-sync' || bench.state === 'held',
      60_000,
    );
    await bench.source.release(PAIR);
    expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
    link.connected = true;
    await write('vda', MIB, 3);
    expect(guest.alive).toBe(true);
    expect(await bench.source.distanceKnown(PAIR)).toMatchObject({ generation: 'g1' });
    await bench.parts.target.close(PAIR);
    expect(await bench.mirror({ way: 'changes', generation: 'g1' })).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    await endInSync();
  });

  it('goes on with what was begun when its agent was replaced', async () => {
    await bench.inSync();
    await until(async () => (await bench.source.distanceKnown(PAIR))?.generation === 'g1');
    await breakIt();
    await write('vdb', 0, 300);
    expect(await bench.mirror({ way: 'changes', generation: 'g1' })).toMatchObject({ ok: true });
    await bench.restartAgent();
    await until(() => bench.state === 'broken' || bench.state === 'in-sync' || bench.state === null);
    if (bench.state !== 'in-sync') {
      expect(await bench.source.end(PAIR)).toMatchObject({ ok: true });
      expect(await bench.source.distanceKnown(PAIR)).toMatchObject({ generation: 'g1' });
      expect(await bench.mirror({ way: 'changes', generation: 'g1' })).toMatchObject({ ok: true });
    }
    await until(() => bench.state === 'in-sync');
    await endInSync();
  });
});
