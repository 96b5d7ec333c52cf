import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MirrorStatus } from '../protocol/index.ts';
import type { ReplicaDisk, ReplicaSource, ReplicaTarget } from './replication.ts';

/** Two hosts to try a `ReplicaSource` and a `ReplicaTarget` on; the guest runs on the first. */
export interface ReplicationBench {
  source: ReplicaSource;
  target: ReplicaTarget;
  vmUuid: string;
  /** Address of the target host as the source host reaches it. */
  address: string;
  /** Where the replica's disks shall lie. */
  disks: ReplicaDisk[];
  /** One write by the guest, told apart by what its client hears. */
  write(): Promise<'acknowledged' | 'held'>;
  /** Number of acknowledged writes which the replica's disks lack. */
  missing(): Promise<number>;
  /** Ends the guest in order, as its own shutdown does. */
  shutdownGuest(): Promise<void>;
  /** Cuts or mends the network between the two hosts. */
  network(connected: boolean): Promise<void>;
  until(state: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** What every pair of implementations must do, as the safety contract relies on it (docs/safety.md). */
export function replicationContract(name: string, openBench: () => Promise<ReplicationBench>): void {
  describe(`${name} keeps the contract of replication`, () => {
    const pairId = 'pair-1';
    let bench: ReplicationBench;
    let told: MirrorStatus[];
    const state = () => bench.source.status(pairId)?.state ?? null;

    async function protect(): Promise<void> {
      const created = await bench.target.create(pairId, bench.disks, 'aside-e1');
      expect(created).toMatchObject({ ok: true });
      const offered = await bench.target.open(pairId, bench.disks);
      if (!offered.ok) throw new Error(offered.problem.message);
      const { vmUuid, address, disks } = bench;
      const started = await bench.source.mirror({ pairId, vmUuid, disks, address, remote: offered.value });
      expect(started).toMatchObject({ ok: true });
    }

    async function inSync(): Promise<void> {
      await protect();
      await bench.until(() => state() === 'in-sync');
    }

    beforeEach(async () => {
      bench = await openBench();
      told = [];
      await bench.source.start();
      await bench.target.start();
      bench.source.subscribe((_pairId, status) => told.push(status));
    });
    afterEach(async () => {
      await bench.source.stop();
      await bench.target.stop();
      await bench.close();
    });

    it('copies with progress, and is in sync with every write before, during and after', async () => {
      await bench.write();
      await protect();
      await bench.write();
      await bench.until(() => state() === 'in-sync');
      await bench.write();
      expect(await bench.missing()).toBe(0);
      const copying = told.filter((status) => status.state === 'copying');
      expect(copying.length).toBeGreaterThan(0);
      for (const status of copying) expect(status.doneBytes).toBeLessThanOrEqual(status.totalBytes);
      expect(told.at(-1)?.state).toBe('in-sync');
    });

    it('holds writes while the replica cannot be reached, and heals when it is back', async () => {
      await inSync();
      await bench.network(false);
      expect(await bench.write()).toBe('held');
      await bench.until(() => state() === 'held');
      expect(bench.source.status(pairId)?.problem).not.toBeNull();
      expect(await bench.missing()).toBe(0);
      await bench.network(true);
      await bench.until(() => state() === 'in-sync');
      expect(await bench.write()).toBe('acknowledged');
      expect(await bench.missing()).toBe(0);
    });

    it('lets the guest go on alone only when told', async () => {
      await inSync();
      await bench.network(false);
      await bench.until(() => state() === 'held');
      expect(await bench.write()).toBe('held');
      expect(await bench.source.release(pairId)).toMatchObject({ ok: true });
      await bench.until(() => state() === 'broken');
      expect(await bench.write()).toBe('acknowledged');
      expect(bench.source.endedInSync(pairId)).toBe(false);
    });

    it('refuses writes into a closed export', async () => {
      await inSync();
      expect(await bench.target.close(pairId)).toMatchObject({ ok: true });
      expect(bench.target.isOpen(pairId)).toBe(false);
      expect(await bench.write()).toBe('held');
      expect(await bench.missing()).toBe(0);
      expect(await bench.target.close(pairId)).toMatchObject({ ok: true });
    });

    it('knows that an orderly end in sync left every write on the replica', async () => {
      await inSync();
      await bench.write();
      expect(bench.source.endedInSync(pairId)).toBe(false);
      await bench.shutdownGuest();
      await bench.source.end(pairId);
      expect(bench.source.endedInSync(pairId)).toBe(true);
      expect(bench.source.status(pairId)).toBeNull();
      expect(await bench.missing()).toBe(0);
    });

    it('does not call an end in the middle of the copy in sync', async () => {
      await protect();
      expect(await bench.source.end(pairId)).toMatchObject({ ok: true });
      expect(bench.source.endedInSync(pairId)).toBe(false);
      expect(await bench.source.end(pairId)).toMatchObject({ ok: true });
    });

    it('sets an image in the way aside under a name of its own', async () => {
      await inSync();
      await bench.source.end(pairId);
      const again = await bench.target.create(pairId, bench.disks, 'aside-e2');
      if (!again.ok) throw new Error(again.problem.message);
      expect(again.value.aside).toHaveLength(bench.disks.length);
      expect(await bench.target.discard(again.value.aside)).toMatchObject({ ok: true });
      expect(await bench.target.discard(again.value.aside)).toMatchObject({ ok: true });
      expect(await bench.target.remove(pairId, bench.disks)).toMatchObject({ ok: true });
    });

    it('takes a point once, beside writes that go on, and removes it without a trace', async () => {
      await inSync();
      const { points } = bench.target;
      expect(await points.stands(pairId, 'drill', bench.disks)).toEqual({ ok: true, value: false });
      expect(await points.take(pairId, 'drill', bench.disks)).toMatchObject({ value: { already: false } });
      expect(await points.take(pairId, 'drill', bench.disks)).toMatchObject({ value: { already: true } });
      expect(await points.stands(pairId, 'drill', bench.disks)).toEqual({ ok: true, value: true });
      const offered = await points.offer(pairId, 'drill', bench.disks);
      expect(offered).toEqual(await points.offer(pairId, 'drill', bench.disks));
      if (!offered.ok) throw new Error(offered.problem.message);
      expect(Object.keys(offered.value.exports)).toEqual(bench.disks.map(({ target }) => target));
      expect(await bench.write()).toBe('acknowledged');
      expect(await bench.missing()).toBe(0);
      expect(await points.undo(pairId, 'drill', bench.disks)).toMatchObject({ ok: true });
      expect(await points.undo(pairId, 'drill', bench.disks)).toMatchObject({ ok: true });
      expect(await points.offer(pairId, 'drill', bench.disks)).toMatchObject({
        ok: false,
        problem: { kind: 'point-gone' },
      });
      expect(await points.sizeBytes('drill', bench.disks)).toBe(0);
      expect(await bench.write()).toBe('acknowledged');
      expect(await bench.missing()).toBe(0);
      expect(state()).toBe('in-sync');
    });

    it('closes a replica of which a point stands', async () => {
      await inSync();
      const { points } = bench.target;
      await points.take(pairId, 'drill', bench.disks);
      await points.offer(pairId, 'drill', bench.disks);
      expect(await bench.target.close(pairId)).toMatchObject({ ok: true });
      expect(await points.stands(pairId, 'drill', bench.disks)).toEqual({ ok: true, value: false });
      expect(await points.seal(pairId, 'drill', bench.disks)).toMatchObject({
        ok: false,
        problem: { kind: 'point-gone' },
      });
      expect(await points.undo(pairId, 'drill', bench.disks)).toMatchObject({ ok: true });
    });

    it('seals a point once, and gives it up only when told', async () => {
      await inSync();
      const { points } = bench.target;
      await points.take(pairId, 'seal', bench.disks);
      await bench.write();
      const sealed = await points.seal(pairId, 'seal', bench.disks);
      if (!sealed.ok) throw new Error(sealed.problem.message);
      expect(sealed.value.map(({ target }) => target)).toEqual(bench.disks.map(({ target }) => target));
      expect(await points.seal(pairId, 'seal', bench.disks)).toEqual(sealed);
      expect(bench.target.isOpen(pairId)).toBe(false);
      expect(await bench.target.open(pairId, bench.disks)).toMatchObject({ ok: true });
      expect(await points.take(pairId, 'seal', bench.disks)).toMatchObject({
        ok: false,
        problem: { kind: 'point-sealed' },
      });
      expect(await points.undo(pairId, 'seal', bench.disks)).toMatchObject({ ok: true });
      expect(await points.take(pairId, 'seal', bench.disks)).toMatchObject({ ok: true });
    });

    it('takes no point of what is not being filled', async () => {
      await bench.target.create(pairId, bench.disks, 'aside-e1');
      expect(await bench.target.points.take(pairId, 'drill', bench.disks)).toMatchObject({
        ok: false,
        problem: { kind: 'replica-not-open' },
      });
    });

    it('does not start towards an export that is not there', async () => {
      await inSync();
      await bench.source.end(pairId);
      const offered = await bench.target.open(pairId, bench.disks);
      if (!offered.ok) throw new Error(offered.problem.message);
      await bench.target.close(pairId);
      const { vmUuid, address, disks } = bench;
      const order = { pairId: 'pair-2', vmUuid, disks, address, remote: offered.value };
      const started = await bench.source.mirror(order);
      expect(started.ok).toBe(false);
      if (!started.ok) expect(started.problem.next).not.toBe('');
    });
  });
}
