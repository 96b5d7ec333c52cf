import { defineConfig } from '@playwright/test';
import { CHROMIUM } from './headless.ts';

/** The headless console in Debian's Chromium, against the practice fleet. */
export default defineConfig({
  testDir: 'browser',
  outputDir: '../../test-results/browser',
  timeout: 120_000,
  expect: { timeout: 20_000 },
  // One fleet and one browser at a time: two cores.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: true,
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    launchOptions: CHROMIUM,
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
  },
});
