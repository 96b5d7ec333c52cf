import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freshState } from './acceptor.ts';
import { VoteFiles } from './vote-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-votes-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('votes outlast the process; what was damaged is put aside and not believed', async () => {
  const first = new VoteFiles(folder, () => 5);
  await first.load();
  await first.write('p1', { ...freshState(true), incarnation: 3 });
  await first.write('p2', { ...freshState(true), incarnation: 4 });
  const path = join(folder, 'p2.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('4', '9'));
  const states = await new VoteFiles(folder, () => 6).load();
  expect(states.get('p1')).toMatchObject({ ok: true, value: { incarnation: 3, sound: true } });
  expect(states.get('p2')).toMatchObject({ ok: false, problem: { kind: 'state-damaged' } });
  expect(await readdir(folder)).toContain('p2.json.damaged-6');
  await first.remove('p1');
  expect((await new VoteFiles(folder, () => 7).load()).has('p1')).toBe(false);
});
