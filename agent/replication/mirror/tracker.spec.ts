import { beforeEach, describe, expect, it } from 'vitest';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { Job } from './block-layer.ts';
import { type Action, type Bitmap, bitmapName, grainOf } from './change-layer.ts';
import { Tracker, type TrackerPorts } from './tracker.ts';

const DISKS = ['vda', 'vdb'].map((target) => ({ target, device: `node-${target}`, sizeBytes: 2 ** 30 }));
const PAIR = 'pair-1';

/** QEMU's bitmaps of two disks, and a mirror that may have writes under way. */
class FakeQemu implements TrackerPorts {
  readonly held = new Map<string, Bitmap[]>(DISKS.map(({ device }) => [device, []]));
  underWay = false;
  up = true;
  readonly changes = {
    bitmaps: async (): Promise<Result<Map<string, Bitmap[]>>> =>
      ok(new Map([...this.held].map(([device, own]) => [device, [...own]]))),
    transact: async (actions: Action[]): Promise<Result<unknown>> => {
      for (const { type, data } of actions) {
        const own = this.held.get(String(data.node)) ?? [];
        if (type === 'block-dirty-bitmap-add')
          own.push({ name: String(data.name), bytes: 0, recording: true });
        else if (type === 'block-dirty-bitmap-remove')
          own.splice(
            own.findIndex(({ name }) => name === data.name),
            1,
          );
        else return fail({ kind: 'unexpected', message: type, next: '' });
      }
      return ok({});
    },
  };
  jobs = async (): Promise<Result<Job[]>> =>
    ok(
      DISKS.map(({ target }) => ({
        device: target,
        len: 100,
        offset: this.underWay ? 99 : 100,
        ready: true,
        status: 'running',
      })),
    );
  flowing = (): boolean => this.up;
  dirty(bytes: number): void {
    for (const own of this.held.values()) for (const bitmap of own) bitmap.bytes += bytes;
  }
  names(): string[] {
    return [...this.held.values()].flat().map(({ name }) => name);
  }
}

describe('tracking what may be missing on the replica', () => {
  let qemu: FakeQemu;
  let tracker: Tracker;
  const name = (n: number) => bitmapName(PAIR, 'g1', n);

  beforeEach(() => {
    qemu = new FakeQemu();
    tracker = new Tracker(PAIR, 'g1', DISKS, qemu);
  });

  it('can be relied on once there was a moment without a write under way', async () => {
    qemu.underWay = true;
    expect(await tracker.turn()).toBe(false);
    expect(qemu.names()).toEqual([name(1), name(1)]);
    qemu.underWay = false;
    expect(await tracker.turn()).toBe(true);
    expect(qemu.names()).toEqual([name(1), name(1)]);
  });

  it('replaces bitmaps with something in them, and leaves empty ones alone', async () => {
    await tracker.turn();
    await tracker.turn();
    expect(qemu.names()).toEqual([name(1), name(1)]);
    qemu.dirty(4096);
    await tracker.turn();
    expect(qemu.names()).toEqual([name(2), name(2)]);
  });

  it('keeps the old one while a write is under way, or when the stream no longer flows', async () => {
    await tracker.turn();
    qemu.dirty(4096);
    qemu.underWay = true;
    expect(await tracker.turn()).toBe(true);
    expect(qemu.names()).toEqual([name(1), name(2), name(1), name(2)]);
    qemu.underWay = false;
    qemu.up = false;
    await tracker.turn();
    expect(qemu.names()).toEqual([name(1), name(2), name(1), name(2)]);
    qemu.up = true;
    await tracker.turn();
    expect(qemu.names()).toEqual([name(2), name(2)]);
  });

  it('trusts nothing of before that it did not begin itself', async () => {
    await tracker.turn();
    qemu.dirty(4096);
    const next = new Tracker(PAIR, 'g1', DISKS, qemu);
    qemu.underWay = true;
    expect(await next.turn()).toBe(false);
    qemu.underWay = false;
    expect(await next.turn()).toBe(true);
    expect(qemu.names()).toEqual([name(2), name(2)]);
  });

  it('takes grains as fine as 2 MiB of memory allow', () => {
    expect(grainOf(2 ** 30)).toBe(4096);
    expect(grainOf(2 ** 36)).toBe(4096);
    expect(grainOf(2 ** 40)).toBe(65536);
  });
});
