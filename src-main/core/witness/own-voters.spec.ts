import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freshState } from '../../../agent/lease/acceptor.ts';
import { FileVoters } from './voter-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-votes-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('votes outlast the console; what was damaged is put aside and abstains', async () => {
  const first = new FileVoters(folder, () => 5);
  await first.load();
  await first.write('p1', { ...freshState(true), incarnation: 3 });
  await first.write('p2', { ...freshState(true), incarnation: 4 });
  const path = join(folder, 'p2.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('4', '9'));
  const states = await new FileVoters(folder, () => 6).load();
  expect(states.get('p1')).toMatchObject({ incarnation: 3, sound: true });
  expect(states.get('p2')).toEqual(freshState(false));
  expect(await readdir(folder)).toContain('p2.json.damaged-6');
  await first.remove('p1');
  expect((await new FileVoters(folder, () => 7).load()).has('p1')).toBe(false);
});
