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
    testTimeout: 20_000,
  },
});
