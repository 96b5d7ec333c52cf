import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { CHROMIUM, type HeadlessConsole, ROOT, startHeadless } from './headless.ts';
import { makeHome } from './home.ts';
import { Hand } from './pages/hand.ts';
import { takeAutomaticTour } from './tour/automatic.ts';
import { takeMapTour } from './tour/map.ts';
import { takeTour } from './tour/tour.ts';

/**
 * `npm run screens`: a picture of each screen and dialog, in both themes and two sizes, into ./screens, which git
 * ignores. Needs the build and a Chromium. With `-- automatic`: only the screens of the failover core; with
 * `-- map`: only those of the map, which are drawn at 200 % zoom too.
 */
const FOLDER = join(ROOT, 'screens');
const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
];
/** What 1280 x 800 holds at 200 % zoom. */
const ZOOMED = { width: 640, height: 400 };
const THEMES = ['light', 'dark'] as const;

/** Numbered in the order of the tour, so that a folder's listing tells the story. */
function photographer(page: Page, prefix: string, sizes: typeof SIZES): (name: string) => Promise<void> {
  let count = 0;
  return async (name) => {
    count += 1;
    const number = prefix + String(count).padStart(2, '0');
    for (const size of sizes) {
      await page.setViewportSize(size);
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const file = `${number}-${name}-${colorScheme}-${size.width}x${size.height}.png`;
        await page.screenshot({ path: join(FOLDER, file), animations: 'disabled' });
      }
    }
    console.log(`${number} ${name}`);
  };
}

const home = await makeHome();
const consoles: HeadlessConsole[] = [];
const browser = await chromium.launch(CHROMIUM);
try {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  const page = await browser.newPage({ viewport: SIZES[0] ?? null });
  const hand = new Hand(page);
  const look = photographer(page, '', SIZES);
  const only = (part: string): boolean => process.argv.includes(part);
  if (!only('automatic')) await takeMapTour({ hand, look: photographer(page, 'm', [...SIZES, ZOOMED]) });
  if (!only('map')) await takeAutomaticTour({ hand, look });
  if (!only('map') && !only('automatic'))
    await takeTour({
      hand,
      home,
      look,
      async startConsole() {
        const console = await startHeadless({ env: home.env, dataDir: home.dataDir });
        consoles.push(console);
        return console;
      },
    });
} finally {
  await browser.close();
  for (const console of consoles) await console.kill();
  await home.remove();
}
