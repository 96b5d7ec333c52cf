import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseQcow2, readImage } from './image.ts';

/** Header of a version 3 image of 64 MiB as qemu-img 7.2 writes it, up to `incompatible_features`. */
function header(): Buffer {
  const bytes = Buffer.alloc(104);
  bytes.write('QFI\xfb', 0, 'latin1');
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(67_108_864n, 24);
  return bytes;
}

const withWord = (offset: number, value: number): Buffer => {
  const bytes = header();
  bytes.writeUInt32BE(value, offset);
  return bytes;
};

describe('a qcow2 header', () => {
  it('tells the size the guest sees', () => {
    expect(parseQcow2(header())).toEqual({ format: 'qcow2', virtualBytes: 67_108_864, traits: [] });
  });

  it.each([
    [12, 0x70, ['backing-file']],
    [32, 1, ['encrypted']],
    [60, 2, ['snapshots']],
    [76, 2, ['corrupt']],
    [76, 4, ['external-data']],
    [76, 1, []],
  ])('word at %i = %i means %j', (offset, value, traits) => {
    expect(parseQcow2(withWord(offset, value))?.traits).toEqual(traits);
  });

  it('has no features in version 2', () => {
    const bytes = withWord(76, 2);
    bytes.writeUInt32BE(2, 4);
    expect(parseQcow2(bytes)?.traits).toEqual([]);
  });

  it('is not seen in anything else', () => {
    expect(parseQcow2(Buffer.alloc(104))).toBeNull();
    expect(parseQcow2(header().subarray(0, 60))).toBeNull();
  });
});

describe('an image file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is raw when it is no qcow2, of the size of the file', async () => {
    const path = join(folder, 'a.img');
    await writeFile(path, Buffer.alloc(10_000));
    expect(await readImage(path)).toMatchObject({ format: 'raw', virtualBytes: 10_000, traits: [] });
  });

  it('is read from its header when it is qcow2', async () => {
    const path = join(folder, 'a.qcow2');
    await writeFile(path, header());
    expect(await readImage(path)).toMatchObject({ format: 'qcow2', virtualBytes: 67_108_864 });
  });

  it('is none when it is missing or a folder', async () => {
    expect(await readImage(join(folder, 'none'))).toBeNull();
    expect(await readImage(folder)).toBeNull();
  });
});
