import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { LabConsole } from './core-client.ts';
import { down, up } from './lab.ts';
import { places } from './places.ts';
import { addingHosts } from './problems/adding.ts';
import type { Bench } from './problems/bench.ts';
import { checksBeforeACopy } from './problems/checks.ts';
import { consolesAndVersions } from './problems/consoles.ts';
import { firstCopyProblems } from './problems/copying.ts';
import { machinesTouchedByHand } from './problems/machines.ts';
import { strangersAtTheDoors } from './problems/strangers.ts';

/** What bad input gets, on real hosts: a clear message, and nothing changed. The parts build on each other. */
const PLACES = places('problems');
const bench = {} as Bench;

beforeAll(async () => {
  await down(PLACES);
  bench.folder = await mkdtemp(join(tmpdir(), 'understudy-problems-'));
  bench.lab = await up({}, PLACES);
  bench.desk = await LabConsole.open(bench.lab);
}, 600_000);

afterAll(async () => {
  await bench.desk?.close();
  await down(PLACES);
  await rm(bench.folder, { recursive: true, force: true });
});

describe('adding hosts', () => addingHosts(bench));
describe('protecting', () => {
  checksBeforeACopy(bench);
  firstCopyProblems(bench);
  machinesTouchedByHand(bench);
  strangersAtTheDoors(bench);
  consolesAndVersions(bench);
});
