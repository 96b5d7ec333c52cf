import { defineConfig } from '@playwright/test';
import { CHROMIUM } from './headless.ts';

/** The headless console in Debian's Chromium, against the practice fleet. */
export default defineConfig({
  testDir: 'browser',
  outputDir: '../../test-results/browser',
  // Ends what hangs; what is waited for has limits of its own.
  timeout: 600_000,
  expect: {
    timeout: 20_000,
    // Another build of the same Chromium may smooth an edge otherwise; a word that changed, or a line that moved, is more.
    toHaveScreenshot: { maxDiffPixels: 300, animations: 'disabled', scale: 'device' },
  },
  snapshotPathTemplate: '{testDir}/pictures/{arg}{ext}',
  // They wait most of the time, for agents and copies at their real pace; each has a home, a fleet and a browser of its own.
  workers: 2,
  fullyParallel: true,
  retries: 0,
  forbidOnly: true,
  reporter: [['list'], ['./page-reporter.ts']],
  use: {
    browserName: 'chromium',
    launchOptions: CHROMIUM,
    viewport: { width: 1280, height: 800 },
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    trace: 'retain-on-failure',
  },
});
