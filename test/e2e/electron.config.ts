import { defineConfig } from '@playwright/test';

/** The Electron window, from the build and from the packaged directory. */
export default defineConfig({
  testDir: 'electron',
  outputDir: '../../test-results/electron',
  timeout: 180_000,
  expect: { timeout: 20_000 },
  workers: 1,
  retries: 0,
  forbidOnly: true,
  reporter: [['list'], ['./page-reporter.ts']],
});
