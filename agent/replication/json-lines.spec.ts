import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonLines, writeJsonLine } from './json-lines.ts';
import { socketPair } from './socket-pair.spec-kit.ts';

async function reader(maxBytes: number) {
  const [near, far] = await socketPair();
  const seen: unknown[] = [];
  const failed = new Promise<Error>((done) => near.on('error', done));
  readJsonLines(near, maxBytes, (value) => seen.push(value));
  near.resume();
  far.on('error', () => undefined);
  return { near, far, seen, failed };
}

describe('lines of JSON', () => {
  it('arrive whole, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string(), fc.string()), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 30 }),
        async (values, size) => {
          const { far, near, seen } = await reader(2 ** 16);
          const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
          for (let at = 0; at < bytes.length; at += size) far.write(bytes.subarray(at, at + size));
          far.end();
          await new Promise((done) => near.once('end', done));
          expect(JSON.stringify(seen)).toEqual(JSON.stringify(values));
        },
      ),
      { numRuns: 25 },
    );
  });

  it.each([
    ['no JSON', 'hello\n'],
    ['a line longer than allowed', `"${'x'.repeat(200)}"\n`],
    ['a line that does not end', 'x'.repeat(200)],
  ])('end the connection at %s', async (_what, text) => {
    const { far, seen, failed, near } = await reader(100);
    far.write(text);
    expect(await failed).toBeInstanceOf(Error);
    expect(near.destroyed).toBe(true);
    expect(seen).toEqual([]);
  });

  it('are not written into a closed connection', async () => {
    const { near } = await reader(100);
    near.destroy();
    expect(() => writeJsonLine(near, {})).not.toThrow();
  });
});
