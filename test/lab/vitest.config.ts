import { defineConfig } from 'vitest/config';

/** The lab's own tests: one after the other, on one lab. */
export default defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
