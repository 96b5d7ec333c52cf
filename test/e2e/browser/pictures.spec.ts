import type { Page } from '@playwright/test';
import { mapView } from '../../../src-renderer/lib/messages/map-view.ts';
import { standStill } from '../fixture/clock.ts';
import type { fleets } from '../fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';

/**
 * The map in its main states as a person sees it, compared with the pictures beside this file. They were looked at before they
 * were kept; to keep new ones: `npm run e2e -- pictures --update-snapshots`, and look again.
 */
const AT = Date.UTC(2026, 2, 4, 3, 1, 20);
/** Ages are cut to whole seconds: away from the edge of one. */
const SEEN_AT = AT + 400;
const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
];
const THEMES = ['light', 'dark'] as const;
/** What 1280 x 800 holds at 200 % zoom. */
const ZOOMED = { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 };

/** A fleet, and the words on its map that say the state is there. */
const STATES: { name: string; fleet: keyof typeof fleets; says: string | RegExp }[] = [
  { name: 'one-backup-host', fleet: 'backup', says: 'erp-db' },
  { name: 'every-state', fleet: 'troubles', says: 'copying' },
  { name: 'steps-in', fleet: 'stepping', says: /steps in in \d s/ },
  { name: 'a-failure-told', fleet: 'bigLost', says: mapView.story.title('ams-03') },
];

let fixture: FixtureFleet | null = null;

test.use({ timezoneId: 'UTC', locale: 'en-GB' });
test.beforeAll(() => standStill(AT));
test.afterAll(() => standStill(null));
test.afterEach(() => fixture?.stop());

async function open(page: Page, fleet: keyof typeof fleets, says: string | RegExp): Promise<void> {
  fixture = await startFixtureFleet(fleet);
  await page.clock.setFixedTime(SEEN_AT);
  // The same letters on every machine (package fonts-dejavu-core), and from the first line on: what was drawn in others before
  // stands half a pixel elsewhere.
  await page.addInitScript(() => {
    const letters = new CSSStyleSheet();
    letters.replaceSync(':root { --font: "DejaVu Sans" !important; --mono: "DejaVu Sans Mono" !important; }');
    document.adoptedStyleSheets = [letters];
  });
  await page.goto(fixture.url);
  await expect(page.getByRole('main').getByText(says).first()).toBeVisible();
  await page.evaluate(() => document.fonts.ready);
}

for (const { name, fleet, says } of STATES)
  test(`the map: ${name}`, async ({ page }) => {
    await open(page, fleet, says);
    for (const size of SIZES)
      for (const colorScheme of THEMES) {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await expect.soft(page).toHaveScreenshot(`${name}-${colorScheme}-${size.width}.png`);
      }
  });

test.describe('at 200 % zoom', () => {
  test.use(ZOOMED);

  test('the map', async ({ page }) => {
    await open(page, 'backup', 'erp-db');
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await expect(page).toHaveScreenshot('one-backup-host-light-zoomed.png');
  });
});
