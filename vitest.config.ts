import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'agent/**/*.spec.ts',
      'src-main/**/*.spec.ts',
      'src-renderer/**/*.spec.ts',
      'test/**/*.spec.ts',
    ],
    exclude: ['**/node_modules/**', 'test/lab/**', 'test/e2e/**'],
    // Most of them wait most of the time: for simulated hosts, clocks and sockets.
    maxWorkers: 8,
    // Ends what hangs. What is only slow, on a machine that does much else, is not wrong.
    testTimeout: 60_000,
  },
});
