import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExportAddress, PointMode } from '../../agent/protocol/index.ts';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

const OFTEN: PointMode = {
  kind: 'interval',
  // Points are asked for by the tests, not by the clock.
  everyS: 3_600,
  retention: { last: 100, hourly: 0, daily: 0, weekly: 0 },
};
const CHUNK = 65536;
const LAST = {
  last: 1,
  hourly: 0,
  daily: 0,
  weekly: 0,
};
let bench: Bench;
let written: Buffer;

beforeEach(async () => {
  bench = await Bench.open();
  written = Buffer.alloc(32 * MIB);
});
afterEach(() => bench.close());

const restore = () => bench.parts.target.restore;
const points = () => restore().list(PAIR);

async function write(from: number, chunks: number, pattern: number): Promise<void> {
  const { guest } = bench.parts;
  const before = guest.completed;
  for (let n = 0; n < chunks; n += 1) await guest.write('vda', pattern, from + n * CHUNK, CHUNK);
  await until(() => guest.completed === before + chunks);
  written.fill(pattern, from, from + chunks * CHUNK);
}
async function another(): Promise<void> {
  const wanted = points().length + 1;
  expect(await bench.follow(OFTEN)).toMatchObject({ ok: true });
  await until(() => points().length === wanted && bench.source.status(PAIR)?.follow?.nextAt !== null);
}

/** What is on offer there, as whoever tries a copy out reads it: mutual TLS, on this host. */
function read(remote: ExportAddress): Buffer {
  const { directory } = bench.parts;
  const tls = join(directory, 'client');
  if (!existsSync(tls)) {
    mkdirSync(tls);
    const names = { 'ca-cert.pem': 'ca.crt', 'client-cert.pem': 'host.crt', 'client-key.pem': 'host.key' };
    for (const [name, file] of Object.entries(names))
      symlinkSync(join(directory, 'standby/tls', file), join(tls, name));
  }
  const raw = join(directory, 'shown.raw');
  const server = `server.type=inet,server.host=127.0.0.1,server.port=${remote.port}`;
  execFileSync('qemu-img', [
    ...['convert', '-O', 'raw', '--object', `tls-creds-x509,id=t,dir=${tls},endpoint=client`],
    ...[
      '--image-opts',
      `driver=nbd,${server},export=${remote.exports.vda},tls-creds=t,tls-hostname=host-b`,
      raw,
    ],
  ]);
  return readFileSync(raw);
}

describe('a restore point that somebody reads', () => {
  it('stays as it is while newer ones are made, and none is given up until it is let go', async () => {
    await write(0, 64, 1);
    await another();
    const first = Buffer.from(written);
    await write(MIB, 16, 2);
    await another();
    const [oldest] = points();
    const shown = await restore().show(PAIR, bench.replicaDisks(), oldest?.id ?? '');
    if (!shown.ok) throw new Error(shown.problem.message);
    expect(shown.value.point.id).toBe(oldest?.id);
    expect(read(shown.value.remote).equals(first)).toBe(true);
    await write(0, 32, 3);
    await another();
    expect(await restore().prune(PAIR, bench.replicaDisks(), LAST)).toEqual({
      ok: true,
      value: { dropped: 0 },
    });
    expect(read(shown.value.remote).equals(first)).toBe(true);
    expect(await restore().isShown(PAIR, bench.replicaDisks())).toEqual({ ok: true, value: true });
    await bench.source.end(PAIR);
    // Another point can be started beside it.
    await bench.surfaced(null);
    expect(read(shown.value.remote).equals(first)).toBe(true);
    await another();
    expect(await restore().hide(PAIR)).toMatchObject({ ok: true });
    expect(await restore().hide(PAIR)).toMatchObject({ ok: true });
    expect(await restore().isShown(PAIR, bench.replicaDisks())).toEqual({ ok: true, value: false });
    await bench.source.end(PAIR);
    expect(await restore().prune(PAIR, bench.replicaDisks(), LAST)).toEqual({
      ok: true,
      value: { dropped: 3 },
    });
    const [vda] = await bench.surfaced(null);
    expect(vda?.equals(written)).toBe(true);
  });

  it('goes with its daemon, and is no more then', async () => {
    await write(0, 4, 1);
    await another();
    expect(await restore().show(PAIR, bench.replicaDisks(), null)).toMatchObject({ ok: true });
    await bench.parts.standby.kill('understudy-storage.service');
    await until(async () => {
      const shown = await restore().isShown(PAIR, bench.replicaDisks());
      return shown.ok && !shown.value;
    });
    await another();
  });

  it('is not there when it was given up', async () => {
    await write(0, 4, 1);
    await another();
    expect(await restore().show(PAIR, bench.replicaDisks(), 'gone')).toMatchObject({
      problem: { kind: 'point-gone' },
    });
  });
});

describe('an old disk under the points', () => {
  /** A whole copy as of now at the disks' own places; then the owner goes on, and nobody knows what it writes. */
  async function returned(): Promise<void> {
    await bench.inSync();
    await bench.source.end(PAIR);
    await bench.parts.target.close(PAIR);
    await bench.restartGuest();
  }

  it('is compared with, stays as it is, and is let go without harm', async () => {
    await write(0, 256, 1);
    await returned();
    await write(4 * MIB, 3, 2);
    const disks = bench.replicaDisks();
    const laid = await restore().lieOn(PAIR, disks, 'aside-e1');
    if (!laid.ok) throw new Error(laid.problem.message);
    // Cut short, it is called again.
    expect(await restore().lieOn(PAIR, disks, 'aside-e1')).toEqual(laid);
    const old = readFileSync(laid.value.under.vda ?? '');
    const results: { way: string; point: { bytes: number } }[] = [];
    bench.followers.onMade((_pair, result) => results.push(result));
    await another();
    expect(results).toMatchObject([{ way: 'compare', point: { bytes: 3 * CHUNK } }]);
    await write(8 * MIB, 1, 5);
    await another();
    await bench.source.end(PAIR);
    expect(readFileSync(laid.value.under.vda ?? '').equals(old)).toBe(true);
    expect(await restore().standAlone(PAIR, disks)).toMatchObject({ ok: true });
    expect(restore().liesOn(PAIR)).toBe(false);
    expect(await bench.parts.target.discard(Object.values(laid.value.under))).toMatchObject({ ok: true });
    for (const point of points()) expect((await bench.surfaced(point.id)).length).toBe(2);
    const [vda] = await bench.surfaced(null);
    expect(vda?.equals(written)).toBe(true);
  });

  it('is not let go while a layer is on offer', async () => {
    await write(0, 8, 1);
    await returned();
    const disks = bench.replicaDisks();
    expect(await restore().lieOn(PAIR, disks, 'aside-e1')).toMatchObject({ ok: true });
    await another();
    await bench.source.end(PAIR);
    expect(await restore().begin(PAIR, disks)).toMatchObject({ ok: true });
    expect(await restore().standAlone(PAIR, disks)).toMatchObject({ problem: { kind: 'points-busy' } });
  });

  it('is left alone when everything else of the pair is removed', async () => {
    await write(0, 8, 1);
    await returned();
    const disks = bench.replicaDisks();
    const laid = await restore().lieOn(PAIR, disks, 'aside-e1');
    if (!laid.ok) throw new Error(laid.problem.message);
    await another();
    await bench.source.end(PAIR);
    expect(await bench.parts.target.remove(PAIR, disks)).toMatchObject({ ok: true });
    expect(readdirSync(bench.parts.replicaDir).sort()).toEqual(['vda.qcow2.aside-e1', 'vdb.qcow2.aside-e1']);
  });
});
