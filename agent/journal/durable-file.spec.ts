import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { beforeEach, expect, it } from 'vitest';
import { DurableFile } from './durable-file.ts';

const Shape = v.object({ n: v.number() });
let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'understudy-durable-'));
  path = join(directory, 'value.json');
});

it('gives back what was written, and null before', async () => {
  const file = new DurableFile(path, Shape);
  expect(await file.read()).toEqual({ ok: true, value: null });
  await file.write({ n: 7 });
  expect(await new DurableFile(path, Shape).read()).toEqual({ ok: true, value: { n: 7 } });
});

it('leaves no half-written file beside it', async () => {
  const file = new DurableFile(path, Shape);
  await Promise.all([1, 2, 3, 4].map((n) => file.write({ n })));
  expect(await file.read()).toEqual({ ok: true, value: { n: 4 } });
  expect(await readdir(directory)).toEqual(['value.json']);
});

it.each([
  ['truncated', (text: string) => text.slice(0, -3)],
  ['a flipped digit', (text: string) => text.replace('7', '8')],
  ['empty', () => ''],
  ['no newline', (text: string) => text.replace('\n', ' ')],
])('does not believe a file that is %s', async (_name, damage) => {
  const file = new DurableFile(path, Shape);
  await file.write({ n: 7 });
  await writeFile(path, damage(await readFile(path, 'utf8')));
  const read = await file.read();
  expect(read).toMatchObject({ ok: false, problem: { kind: 'state-damaged' } });
});

it('does not believe a value of another shape', async () => {
  await new DurableFile(path, v.object({ m: v.string() })).write({ m: 'x' });
  expect(await new DurableFile(path, Shape).read()).toMatchObject({
    ok: false,
    problem: { kind: 'state-damaged' },
  });
});
