import { defineConfig } from 'vitest/config';

/** Real QEMU processes on this machine, no libvirt. Two files at a time: they wait for their disks and limits most of the time. */
export default defineConfig({
  test: {
    include: ['test/integration/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
});
