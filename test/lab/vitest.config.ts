import { defineConfig } from 'vitest/config';

/** Each file has a lab of its own. Two at once: they wait for states most of the time. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
