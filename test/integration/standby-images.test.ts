import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Bench, MIB, PAIR, smallFileSystem } from './replication/bench.ts';
import { until } from './replication/ports.ts';

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
