import type { Page } from '@playwright/test';
import type { fleets } from '../fixture/fleets.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';

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

test('there is motion to be reduced: a copy under way moves for everybody else', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  const fixture = await startFixtureFleet('troubles');
  await page.goto(`${fixture.url}#/`);
  await expect(page.getByRole('grid')).toBeVisible();
  await expect.poll(async () => (await moving(page)).length).toBeGreaterThan(0);
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
    const focus = await page.evaluate(() => {
      const active = document.activeElement;
      return active ? getComputedStyle(active).outlineStyle : 'none';
    });
    expect(focus, where).not.toBe('none');
  });
});
