import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes two minutes and more, the longest first: begun last it would keep everybody waiting. */
const LONG = [
  ...['behind', 'points', 'limits', 'objectives', 'problems', 'coordinated', 'points-return'],
  ...['modes', 'runbook', 'telling', 'automatic', 'switchover'],
].map((name) => `${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONG.indexOf(basename(moduleId));
      return found < 0 ? LONG.length : found;
    };
    const others = await super.sort(files);
    return others.sort((a, b) => place(a) - place(b));
  }
}

/** Each file has a lab of its own. Two at once: they wait for states most of the time; with three no lease is kept any more. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
