import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PointMode } from '../../agent/protocol/index.ts';
import type { Place, SheetFacts } from '../../src-main/core/runbook/facts.ts';
import { layPoint } from '../../src-main/core/runbook/steps.ts';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

/** A copy kept by points, laid out by the runbook's own commands while no agent was there, and then found by the product. */
const OFTEN: PointMode = {
  kind: 'interval',
  everyS: 3_600,
  retention: { last: 100, hourly: 0, daily: 0, weekly: 0 },
};
let bench: Bench;

beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench.close());

const points = () => bench.parts.target.restore.list(PAIR);
const diskPaths = (): string[] => bench.replicaDisks().map(({ path }) => path);

async function another(): Promise<void> {
  const wanted = points().length + 1;
  expect(await bench.follow(OFTEN)).toMatchObject({ ok: true });
  await until(() => points().length === wanted && bench.source.status(PAIR)?.follow?.nextAt !== null);
}

async function write(pattern: number): Promise<void> {
  const { guest } = bench.parts;
  const before = guest.completed;
  await guest.write('vda', pattern, 0, MIB);
  await until(() => guest.completed === before + 1);
}

/** As on paper, with this bench's folder in the place of the host's. */
function layByHand(): void {
  const place: Place = { id: 's', name: 's', login: null, armedThere: [], keepsToo: [] };
  const facts: SheetFacts = {
    ...{ pairId: PAIR, machine: 'm', uuid: 'u', owner: place, standby: place, witness: null },
    ...{ armed: false, mode: OFTEN, replica: 'stale', unclean: false, touched: false },
    ...{ quarantined: false, begun: true },
    disks: bench
      .replicaDisks()
      .map(({ target, path, format }) => ({ target, owner: '', standby: path, format })),
  };
  for (const { run } of layPoint(facts).commands)
    execFileSync('sh', ['-c', run.replaceAll('/var/lib/understudy', join(bench.parts.directory, 'standby'))]);
}

const writeByHand = (pattern: number): void => {
  const [path = ''] = diskPaths();
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${pattern} ${2 * MIB} ${MIB}`, path]);
};

/** Two points, and what the machine wrote when it was started by hand from the newer one. */
async function writtenByHand(): Promise<void> {
  await write(1);
  await another();
  await write(2);
  await another();
  await bench.source.end(PAIR);
  layByHand();
  writeByHand(7);
}

/** The first byte of what was written before the last point, and of what was written by hand. */
const bytes = (all: Buffer[]): (number | undefined)[] => [all[0]?.[0], all[0]?.[2 * MIB]];

it('goes on from what the machine wrote by hand, also when that is tried again', async () => {
  await writtenByHand();
  expect(bytes(await bench.surfaced(null))).toEqual([2, 7]);
  expect(bytes(await bench.surfaced(points().at(-1)?.id ?? null))).toEqual([2, 7]);
});

it('starts from an earlier point when that is ordered, and keeps what was written by hand aside', async () => {
  await writtenByHand();
  expect(bytes(await bench.surfaced(points()[0]?.id ?? null))).toEqual([1, 0]);
  expect(diskPaths().map((path) => existsSync(`${path}.by-hand`))).toEqual([true, true]);
  // What was laid there by us is taken away as ever.
  expect(bytes(await bench.surfaced(null))).toEqual([2, 0]);
});

it('never lays a disk over one that is there already', async () => {
  await write(1);
  await another();
  await bench.source.end(PAIR);
  layByHand();
  expect(() => layByHand()).toThrow();
});
