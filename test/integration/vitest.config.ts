import { defineConfig } from 'vitest/config';

/** Real QEMU processes on this machine, no libvirt. One file at a time: they share two slow cores. */
export default defineConfig({
  test: {
    include: ['test/integration/**/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
