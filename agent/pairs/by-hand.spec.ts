import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ByHand } from './by-hand.ts';
import { freshNotes, type KeptPair, PairStore } from './store.ts';

let folder = '';
let store: PairStore;
let byHand: ByHand;
const file = () => join(folder, 'by-hand', 'pair-mail.xml');

const pair = (definitions: Record<string, string>, ended = false): KeptPair => ({
  spec: {
    pairId: 'pair-mail',
    revision: 1,
    workload: { kind: 'vm', uuid: '6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3e', name: 'mail' },
    members: ['atlas', 'boreas'],
    disks: [],
    definitions,
    autostartBefore: false,
    createdAt: 0,
  },
  notes: { ...freshNotes('boot'), ended },
});
const put = (value: KeptPair) => store.change('pair-mail', () => value);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'understudy-by-hand-'));
  store = new PairStore(
    join(folder, 'pairs'),
    () => undefined,
    () => null,
  );
  byHand = new ByHand({
    directory: join(folder, 'by-hand'),
    store,
    self: () => 'boreas',
    log: () => undefined,
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

it('keeps this host’s definition as a file of root alone, and follows every change of it', async () => {
  byHand.start();
  await put(pair({ atlas: '<domain id="a"/>', boreas: '<domain id="b"/>' }));
  await byHand.settled();
  expect(readFileSync(file(), 'utf8')).toBe('<domain id="b"/>');
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  await put(pair({ boreas: '<domain id="c"/>' }));
  await byHand.settled();
  expect(readFileSync(file(), 'utf8')).toBe('<domain id="c"/>');
});

it('takes it away with the pair, also one that ended while no agent ran', async () => {
  const end = byHand.start();
  await put(pair({ boreas: '<domain/>' }));
  await put(pair({ boreas: '<domain/>' }, true));
  await byHand.settled();
  expect(readdirSync(join(folder, 'by-hand'))).toEqual([]);
  end();
  writeFileSync(file(), 'left over');
  byHand.start();
  await byHand.settled();
  expect(readdirSync(join(folder, 'by-hand'))).toEqual([]);
});
