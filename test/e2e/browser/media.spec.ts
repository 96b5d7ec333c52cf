import type { Page } from '@playwright/test';
import type { fleets } from '../fixture/fleets.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { expectVisibleFocus } from '../pages/keys.ts';
import { MapPage } from '../pages/map.ts';

/** Reduced motion and forced colours, on every state that the fixture fleets show. */
const PLACES: [keyof typeof fleets, string][] = [
  ['troubles', '#/'],
  ['troubles', '#/list'],
  ['troubles', '#/pairs/pair-copying'],
  ['troubles', '#/pairs/pair-in-sync/switchover'],
  ['troubles', '#/hosts/cora'],
  ['automatic', '#/pairs/pair-mail'],
  ['stepping', '#/'],
  ['paused', '#/settings'],
  ['unarmed', '#/activity'],
];

async function each(page: Page, see: (where: string) => Promise<void>): Promise<void> {
  for (const [fleet, place] of PLACES) {
    const fixture = await startFixtureFleet(fleet);
    await page.goto(`${fixture.url}${place}`);
    await expect(page.locator('h1, h2').first()).toBeVisible();
    await see(`${fleet} ${place}`);
    await fixture.stop();
  }
}

/** Animations and transitions under way that last long enough to be seen. */
const moving = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    document
      .getAnimations()
      .filter(({ playState, effect }) => {
        const { duration } = effect?.getComputedTiming() ?? {};
        return playState === 'running' && Number(duration) > 1;
      })
      .map(({ effect }) => (effect instanceof KeyframeEffect ? (effect.target?.className ?? '') : '')),
  );

test('who wants less motion sees none', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await each(page, async (where) => {
    expect(await moving(page), where).toEqual([]);
    const smooth = await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior);
    expect(smooth, where).toBe('auto');
  });
});

test('there is motion to be reduced: for everybody else the switch slides', async ({ hand, page }) => {
  const fixture = await startFixtureFleet('paused');
  const slides = () =>
    page
      .locator('.knob')
      .first()
      .evaluate((knob) => Number.parseFloat(getComputedStyle(knob).transitionDuration));
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await page.goto(`${fixture.url}#/`);
  await new MapPage(hand).isThere();
  expect(await slides()).toBeGreaterThan(0.05);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  expect(await slides()).toBeLessThan(0.001);
  await fixture.stop();
});

test('with the colours of the system every control keeps an edge, a focus and a mark of its state', async ({
  page,
}) => {
  await page.emulateMedia({ forcedColors: 'active' });
  await each(page, async (where) => {
    const bare = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('.button, [role=switch], [role=progressbar]')]
        .filter((element) => element.offsetParent !== null)
        .filter((element) => {
          const { borderTopStyle, borderTopWidth, outlineStyle, textDecorationLine } =
            getComputedStyle(element);
          const edge = borderTopStyle !== 'none' && Number.parseFloat(borderTopWidth) > 0;
          return !edge && outlineStyle === 'none' && textDecorationLine === 'none';
        })
        .map((element) => element.className + element.textContent),
    );
    expect(bare, where).toEqual([]);
    await page.keyboard.press('Tab');
    await expectVisibleFocus(page);
  });
});
