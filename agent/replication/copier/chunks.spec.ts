import { describe, expect, it } from 'vitest';
import { CHUNK, DIGEST, digestOf, isZero, NO_DATA, type Run, readRuns, runsOf } from './chunks.ts';
import { without } from './compare.ts';
import { type Extent, ZERO } from './nbd-source.ts';
import { unequal } from './ranges.ts';

async function* given(...extents: [length: number, flags: number][]): AsyncGenerator<Extent> {
  let offset = 0;
  for (const [length, flags] of extents) {
    yield { offset, length, flags };
    offset += length;
  }
}

async function runs(sizeBytes: number, ...extents: [number, number][]): Promise<Run[]> {
  const found: Run[] = [];
  for await (const run of runsOf(given(...extents), sizeBytes)) found.push(run);
  return found;
}

describe('runs of a disk', () => {
  it('reads as a whole a chunk that has any data, and nothing of holes', async () => {
    const size = 10 * CHUNK;
    expect(await runs(size, [3 * CHUNK + 4096, ZERO], [4096, 0], [size - 3 * CHUNK - 8192, ZERO])).toEqual([
      { offset: 0, length: 3 * CHUNK, zero: true },
      { offset: 3 * CHUNK, length: CHUNK, zero: false },
      { offset: 4 * CHUNK, length: 6 * CHUNK, zero: true },
    ]);
  });

  it('covers every byte once, whatever the extents', async () => {
    const size = 70 * CHUNK + 512;
    const found = await runs(
      size,
      [CHUNK / 2, 0],
      [CHUNK, ZERO],
      [CHUNK / 4, 0],
      [40 * CHUNK, 0],
      [CHUNK, ZERO],
    );
    let at = 0;
    for (const run of found) {
      expect(run.offset).toBe(at);
      at += run.length;
    }
    expect(at).toBe(size);
  });

  it('hands out what was read before it is read over', async () => {
    const size = 100 * 8 * CHUNK;
    const source = {
      read: async (offset: number, into: Buffer) => into.fill((offset / CHUNK / 8) % 251),
    };
    let seen = 0;
    for await (const { run, data } of readRuns(source, runsOf(given([size, 0]), size))) {
      expect(data?.[0]).toBe((run.offset / CHUNK / 8) % 251);
      seen += run.length;
    }
    expect(seen).toBe(size);
  });
});

describe('digests', () => {
  it('are the same for a hole and for zeroes that were written', () => {
    expect(isZero(Buffer.alloc(CHUNK))).toBe(true);
    expect(digestOf(Buffer.alloc(CHUNK))).toEqual(NO_DATA);
    const almost = Buffer.alloc(CHUNK);
    almost[CHUNK - 1] = 1;
    expect(isZero(almost)).toBe(false);
    expect(digestOf(almost)).not.toEqual(NO_DATA);
    expect(digestOf(almost)).toHaveLength(DIGEST);
  });

  it('tell ranges that differ, neighbours joined, and not beyond the end of the disk', () => {
    const digests = (...bytes: number[]): Buffer =>
      Buffer.concat(bytes.map((byte) => Buffer.alloc(DIGEST, byte)));
    const size = 4 * CHUNK + 512;
    const found = [...unequal(digests(1, 2, 3, 4, 5), digests(1, 9, 9, 4, 9), 0, size)];
    expect(found).toEqual([
      { offset: CHUNK, length: 2 * CHUNK },
      { offset: 4 * CHUNK, length: 512 },
    ]);
    expect([...unequal(digests(1, 2), digests(1, 2), 0, size)]).toEqual([]);
  });

  it('count only where nobody wrote meanwhile', () => {
    const range = { offset: 4 * CHUNK, length: 8 * CHUNK };
    const at = (offset: number, length: number) => ({ offset: offset * CHUNK, length: length * CHUNK });
    expect([...without(range, [])]).toEqual([range]);
    expect([...without(range, [at(0, 2), at(3, 2), at(7, 1), at(11, 9)])]).toEqual([at(5, 2), at(8, 3)]);
    expect([...without(range, [at(0, 20)])]).toEqual([]);
  });
});
