import { expect, it } from 'vitest';
import { countTests } from './count.ts';

it("reads vitest's closing line, colours and all", () => {
  const output =
    '\u001b[2m      Tests \u001b[22m \u001b[31m2 failed\u001b[39m | \u001b[32m21 passed\u001b[39m (23)\n Duration 1 s\n';
  expect(countTests('vitest', 1, output)).toMatchObject({ passed: 21, failed: 2 });
});

it("adds playwright's lines, a flaky test being a failed one", () => {
  expect(countTests('playwright', 0, '  1 flaky\n    [chromium] > a.ts\n  12 passed (3.4s)\n')).toMatchObject(
    { passed: 12, failed: 1 },
  );
});

it('counts a runner that died without a closing line as failed', () => {
  expect(countTests('vitest', 0, 'Killed')).toMatchObject({ passed: 0, failed: 1 });
  expect(countTests('vitest', 137, 'Tests  3 passed (3)')).toMatchObject({ passed: 3, failed: 1 });
});

it('counts a stage by its exit code', () => {
  expect(countTests('stage', 0, 'fine')).toEqual({ passed: 1, failed: 0, closing: 'fine' });
  expect(countTests('stage', 2, '')).toEqual({ passed: 0, failed: 1, closing: '' });
});
