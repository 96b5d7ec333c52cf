import { afterEach, beforeEach, expect } from 'vitest';
import type { PairView } from '../../../contract/index.ts';
import { openPracticeBench, type PracticeBench } from './practice-session.ts';

/** How long the practice fleet may take to come up, ms. */
const UP_MS = 60_000;

/**
 * The whole story as a person clicks it, through the console's own services, over SSH, on practice hosts: a fleet for each
 * test of the file, and words to look at it.
 */
export function practiceStory() {
  let bench: PracticeBench;

  beforeEach(async () => {
    bench = await openPracticeBench({
      bootDelayMs: 100,
      pace: { copyBps: 4e9, startMs: 50, bootMs: 200, shutdownMs: 100 },
    });
  }, UP_MS);
  afterEach(async () => {
    expect(bench.practice.world.violations).toEqual([]);
    await bench.close();
  });

  const pairOf = (name: string): PairView | undefined =>
    bench.session.fleet.pairs().find((pair) => pair.name === name);
  const uuidOf = (name: string): string =>
    Object.values(bench.session.fleet.snapshot().vms).find(({ vm }) => vm.name === name)?.vm.uuid ?? '';

  /** Looks until `state` holds; the test's own limit ends it otherwise. */
  async function until(state: () => boolean): Promise<void> {
    while (!state()) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  return {
    get bench() {
      return bench;
    },
    pairOf,
    uuidOf,
    until,
    hostId: (name: string): string =>
      bench.session.fleet.hosts().find((host) => host.record.name === name)?.record.id ?? '',
    nameOf: (id: string | undefined): string => bench.session.fleet.nameOf(id ?? ''),
    simulated: (name: string) => {
      const host = bench.practice.world.host(name);
      if (!host) throw new Error(`no host ${name}`);
      return host;
    },
    runningOn: (name: string): string[] =>
      bench.practice.world.hosts.filter((host) => host.runs(uuidOf(name))).map((host) => host.name),
    healthy: (name: string) => until(() => pairOf(name)?.health === 'in-sync'),
    async taskDone(started: Promise<{ taskId: string }>): Promise<void> {
      const { taskId } = await started;
      const task = () => bench.session.fleet.snapshot().tasks[taskId]?.task;
      await until(() => (task()?.state ?? 'running') !== 'running');
      expect(task()).toMatchObject({ state: 'done', problem: null });
    },
  };
}
