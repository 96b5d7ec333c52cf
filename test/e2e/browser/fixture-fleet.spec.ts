import type { Page } from '@playwright/test';
import { map } from '../../../src-renderer/lib/messages/map.ts';
import { palette } from '../../../src-renderer/lib/messages/palette.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';

/** The page alone, with fleets practice does not show: keyboard, zoom, folding, size, a console that is lost. */
let fixture: FixtureFleet;

async function open(page: Page, fleet: 'troubles' | 'many' | 'huge', place = ''): Promise<void> {
  fixture = await startFixtureFleet(fleet);
  await page.goto(`${fixture.url}${place}`);
}

test.afterEach(() => fixture.stop());

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.textContent?.replace(/\s+/g, ' ').trim() ?? '');

test('the map is one tab stop; arrows walk through it', async ({ page }) => {
  await open(page, 'troubles');
  const grid = page.getByRole('grid', { name: map.grid });
  await expect(grid.getByRole('row')).not.toHaveCount(0);
  await expect(grid.locator('[tabindex="0"]')).toHaveCount(1);
  await grid.getByRole('link', { name: 'atlas', exact: true }).focus();
  await page.keyboard.press('ArrowDown');
  expect(await focused(page)).toMatch(/^copying .*primary on atlas$/);
  await page.keyboard.press('ArrowRight');
  expect(await focused(page)).toMatch(/^copying .*standby on cora$/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'copying' })).toBeVisible();
});

test('hosts that do not fit fold, and come forward with their partners when asked', async ({ page }) => {
  await open(page, 'many');
  const heads = page.getByRole('columnheader');
  await expect(heads).toHaveCount(9);
  await expect(heads.getByRole('link')).toHaveText(['atlas', 'boreas']);
  await page.getByRole('button', { name: /^gaia/ }).click();
  await expect(heads.getByRole('link')).toHaveText(['echo', 'gaia']);
  await expect(page.getByText(/more pairs? between folded hosts/)).toBeVisible();
});

test('nothing is cut off sideways at 200 % zoom', async ({ page }) => {
  await page.setViewportSize({ width: 640, height: 400 });
  await open(page, 'troubles');
  for (const place of ['#/', '#/list', '#/pairs/pair-held', '#/hosts/atlas', '#/activity', '#/add-host']) {
    await page.goto(`${fixture.url}${place}`);
    await expect(page.locator('h1, h2').first()).toBeVisible();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(over, place).toBeLessThanOrEqual(0);
  }
});

test('the list of hundreds is found in, sorted, and kept', async ({ page }) => {
  await open(page, 'huge', '#/list');
  await expect(page.getByRole('row')).toHaveCount(481);
  await page.getByRole('textbox', { name: map.table.filter }).fill('node12-4');
  await expect(page.getByRole('row')).toHaveCount(3);
  await page.getByRole('button', { name: map.table.name }).click();
  await expect(page.getByRole('columnheader', { name: map.table.name })).toHaveAttribute(
    'aria-sort',
    'descending',
  );
  await expect(page.getByRole('rowheader').first()).toContainText('node12-40');
});

test('the palette leads anywhere by keyboard', async ({ page }) => {
  await open(page, 'troubles');
  await page.getByRole('grid').waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: palette.field }).fill('waiting');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'waiting' })).toBeVisible();
});

test('a lost console is said, orders are refused with that reason, and it comes back by itself', async ({
  page,
}) => {
  await open(page, 'troubles', '#/pairs/pair-in-sync');
  const order = page.getByRole('link', { name: 'Switch over…' });
  await expect(order).toBeVisible();
  await fixture.pause();
  await expect(page.getByRole('alert')).toContainText(shell.lost.title);
  const refused = page.getByRole('button', { name: 'Switch over…' });
  await expect(refused).toHaveAttribute('aria-disabled', 'true');
  await expect(refused).toHaveAccessibleDescription(/lost its console/);
  await fixture.resume();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(order).toBeVisible();
});
