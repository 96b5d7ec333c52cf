import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

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
