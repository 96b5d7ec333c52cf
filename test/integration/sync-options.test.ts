import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

/** What a mirror may be told besides, with real QEMU, storage daemon and forwarder. */
let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench.close());

async function inSync(more: { memory?: boolean; patienceMs?: number }): Promise<void> {
  const { target } = bench.parts;
  const { memory = false, ...order } = more;
  await target.create(PAIR, bench.replicaDisks(), 'aside-e1');
  const offered = await target.open(PAIR, bench.replicaDisks(), memory);
  if (!offered.ok) throw new Error(offered.problem.message);
  const how = { way: 'full' as const, generation: 'g1' };
  const started = await bench.source.mirror({ ...bench.order(offered.value), how, ...order });
  if (!started.ok) throw new Error(started.problem.message);
  await until(() => bench.state === 'in-sync');
}

/** New clusters only: nothing but those shows a loss of qcow2's tables. */
async function writeNew(count: number): Promise<void> {
  const { guest } = bench.parts;
  const before = guest.completed;
  for (let n = 0; n < count; n += 1) await guest.write('vda', (n % 250) + 1, n * 65536, 65536);
  await until(() => guest.completed === before + count);
}

const marker = (): string => join(bench.parts.directory, 'standby/unclean', PAIR);

describe('a replica that acknowledges from memory', () => {
  it('has everything once it was closed in order, and is unmarked then', async () => {
    await inSync({ memory: true });
    expect(existsSync(marker())).toBe(true);
    await writeNew(100);
    await bench.parts.guest.quit();
    await until(() => bench.state === 'off');
    expect(await bench.parts.target.close(PAIR)).toMatchObject({ ok: true });
    expect(bench.parts.target.isUnclean(PAIR)).toBe(false);
    expect(existsSync(marker())).toBe(false);
    expect(bench.identical()).toBe(true);
  });

  it('lacks what it had acknowledged when its daemon is killed, says so, and is not offered again', async () => {
    await inSync({ memory: true });
    await writeNew(100);
    const { guest, standby, target } = bench.parts;
    await standby.kill('understudy-storage.service');
    await until(() => target.isUnclean(PAIR));
    await until(() => bench.state === 'held');
    // That it is worth the mark: this is what a takeover would start from.
    const replica = bench.replica('vda');
    const missing = guest.acknowledged.filter((offset) => replica[offset] !== ((offset / 65536) % 250) + 1);
    expect(missing.length).toBeGreaterThan(0);
    expect(await target.open(PAIR, bench.replicaDisks(), true)).toMatchObject({
      ok: false,
      problem: { kind: 'replica-unclean' },
    });
    await bench.source.release(PAIR);
    await bench.source.end(PAIR);
    await target.forgetUnclean(PAIR);
    expect(await bench.compare('g2')).toMatchObject({ ok: true });
    await until(() => bench.state === 'in-sync');
    await guest.quit();
    await until(() => bench.state === 'off');
    await target.close(PAIR);
    expect(bench.identical()).toBe(true);
  });
});

describe('a mirror that rather goes on than waits', () => {
  it('is held before the silence of its standby would be noticed, and told why', async () => {
    await inSync({ patienceMs: 150 });
    const { guest, standby, link } = bench.parts;
    const pid = standby.pid('understudy-storage.service');
    const at = { host: '127.0.0.1', port: link.port, serverName: 'host-b' };
    expect(await bench.source.answersIn(at)).toBeLessThan(150);
    process.kill(pid, 'SIGSTOP');
    const began = performance.now();
    await guest.write('vda', 7, 0, 65536);
    await until(() => bench.state === 'held');
    expect(performance.now() - began).toBeGreaterThan(140);
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('standby-too-slow');
    // Nothing is acknowledged before whoever keeps the record says so.
    expect(guest.completed).toBe(0);
    expect(await bench.source.release(PAIR)).toMatchObject({ ok: true });
    await until(() => guest.completed === 1);
    process.kill(pid, 'SIGCONT');
  });

  it('waits as long as it takes once that is wanted again', async () => {
    await inSync({ patienceMs: 150 });
    expect(await bench.source.setPatience(PAIR, null)).toMatchObject({ ok: true });
    const { guest, standby } = bench.parts;
    const pid = standby.pid('understudy-storage.service');
    process.kill(pid, 'SIGSTOP');
    await guest.write('vda', 7, 0, 65536);
    await until(() => bench.state === 'held');
    expect(bench.source.status(PAIR)?.problem?.kind).toBe('replica-lost');
    process.kill(pid, 'SIGCONT');
  });
});

describe('a limit for copies', () => {
  const rateOf = async (begin: () => Promise<void>): Promise<number> => {
    const began = performance.now();
    await begin();
    return performance.now() - began;
  };

  /** What a limit lets through since `began` (ms), with what QEMU has on its way at once. */
  const atMost = (limit: number, began: number): number =>
    (limit * (performance.now() - began)) / 1_000 + 8 * MIB;
  const done = (): number => bench.source.status(PAIR)?.doneBytes ?? 0;

  it('holds for a first copy by QEMU’s own jobs, and is lifted while it runs', async () => {
    const { guest } = bench.parts;
    await guest.write('vdb', 9, 0, 48 * MIB);
    await until(() => guest.completed === 1);
    bench.limit(4 * MIB);
    const began = performance.now();
    const started = await bench.protect();
    expect(started).toMatchObject({ ok: true });
    // The other disk is empty: this one alone would take 24 s at its half of 4 MiB/s.
    await new Promise((over) => setTimeout(over, 4_000));
    expect(bench.state).toBe('copying');
    // What the guest writes waits for no limit.
    const wrote = await rateOf(async () => {
      for (let n = 0; n < 20; n += 1) await guest.write('vda', n + 1, n * 65536, 65536);
      await until(() => guest.completed === 21);
    });
    expect(wrote).toBeLessThan(2_000);
    expect(done()).toBeLessThan(atMost(4 * MIB, began));
    bench.limit(null);
    const lifted = await rateOf(() => until(() => bench.state === 'in-sync'));
    expect(lifted).toBeLessThan(8_000);
  });

  it('holds for what changed, and is lifted while it is sent', async () => {
    await bench.inSync();
    const { guest } = bench.parts;
    await until(async () => (await bench.source.distanceKnown(PAIR)) !== null);
    await guest.write('vdb', 9, 0, MIB);
    await until(() => guest.completed === 1);
    await bench.source.end(PAIR);
    await guest.write('vdb', 8, 0, 32 * MIB);
    await until(() => guest.completed === 2);
    bench.limit(2 * MIB);
    const began = performance.now();
    expect(await bench.mirror({ way: 'changes', generation: 'g1' })).toMatchObject({ ok: true });
    await new Promise((over) => setTimeout(over, 3_000));
    expect(bench.state).toBe('copying');
    expect(done()).toBeLessThan(atMost(2 * MIB, began));
    bench.limit(null);
    await until(() => bench.state === 'in-sync');
    await guest.quit();
    await until(() => bench.state === 'off');
    await bench.parts.target.close(PAIR);
    expect(bench.identical()).toBe(true);
  });
});
