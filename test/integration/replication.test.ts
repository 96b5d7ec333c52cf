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
});
