import { defineConfig } from 'vitest/config';

/** Real QEMU processes on this machine, no libvirt. One file at a time: they share two slow cores. */
export default defineConfig({
  test: {
    include: ['test/integration/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
