import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRecord } from '../lease/transitions.ts';
import type { PairRecord, PairSpec } from '../protocol/index.ts';
import { freshNotes, PairStore } from './store.ts';

const spec: PairSpec = {
  pairId: 'p1',
  revision: 1,
  workload: { kind: 'vm', uuid: '0b6b1a9e-6d0c-4d53-9a5e-1f0b3a0c0001', name: 'erp' },
  members: ['atlas', 'boreas'],
  disks: [],
  definitions: {},
  autostartBefore: true,
  createdAt: 0,
};
const record = createRecord({
  pairId: 'p1',
  members: ['atlas', 'boreas'],
  voters: ['atlas'],
  owner: 'atlas',
  wall: 0,
});

let folder: string;
let known: PairRecord | null;
const warnings: string[] = [];
const open = async (): Promise<PairStore> => {
  const store = new PairStore(
    folder,
    (_level, text) => warnings.push(text),
    () => known,
  );
  await store.load();
  return store;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-store-'));
  known = record;
  warnings.length = 0;
});
afterEach(() => rm(folder, { recursive: true }));

it('keeps notes over a restart, and shows them with the newest record known', async () => {
  const store = await open();
  await store.change('p1', () => ({ spec, notes: freshNotes('boot-1') }));
  await store.change('p1', (pair) => pair && { ...pair, notes: { ...pair.notes, wantRunning: true } });
  await store.close();
  const next = await open();
  known = { ...record, version: 7 };
  expect(next.get('p1')).toMatchObject({ notes: { wantRunning: true }, record: { version: 7 } });
});

it('does not know a pair whose record is not known', async () => {
  const store = await open();
  await store.change('p1', () => ({ spec, notes: freshNotes('boot-1') }));
  known = null;
  expect(store.get('p1')).toBeNull();
  expect(store.kept('p1')).not.toBeNull();
  expect(store.all()).toEqual([]);
});

it('serialises changes, and tells of each', async () => {
  const store = await open();
  const told: string[] = [];
  store.subscribe((pairId) => told.push(pairId));
  await store.change('p1', () => ({ spec, notes: freshNotes('boot-1') }));
  const rise = () =>
    store.change(
      'p1',
      (pair) => pair && { ...pair, spec: { ...pair.spec, revision: pair.spec.revision + 1 } },
    );
  await Promise.all([rise(), rise(), rise()]);
  expect(store.kept('p1')?.spec.revision).toBe(4);
  expect(told).toHaveLength(4);
});

it('puts a damaged file aside and believes nothing of it', async () => {
  await writeFile(join(folder, 'p1.json'), 'half a rec');
  const store = await open();
  expect(store.kept('p1')).toBeNull();
  expect((await readdir(folder)).some((name) => name.startsWith('p1.json.damaged-'))).toBe(true);
  expect(warnings).toHaveLength(1);
});
