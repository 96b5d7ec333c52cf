import { test as base } from '@playwright/test';
import { type HeadlessConsole, startHeadless } from './headless.ts';
import { type Home, makeHome } from './home.ts';
import { Hand } from './pages/hand.ts';

interface Fixtures {
  home: Home;
  /** Starts the console of `home`; ended with the test. */
  startConsole(args?: string[]): Promise<HeadlessConsole>;
  hand: Hand;
}

/** Every test has a home, a console and a browser page of its own. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
  home: async ({}, use) => {
    const home = await makeHome();
    await use(home);
    await home.remove();
  },
  startConsole: async ({ home }, use) => {
    const started: HeadlessConsole[] = [];
    await use(async (args = []) => {
      const console = await startHeadless({ args, env: home.env, dataDir: home.dataDir });
      started.push(console);
      return console;
    });
    for (const console of started) await console.stop();
  },
  hand: async ({ page }, use) => use(new Hand(page)),
});
export { expect } from './expect.ts';
