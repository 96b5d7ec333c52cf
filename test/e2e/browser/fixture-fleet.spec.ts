import type { Page } from '@playwright/test';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { map } from '../../../src-renderer/lib/messages/map.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { palette } from '../../../src-renderer/lib/messages/palette.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { witness } from '../../../src-renderer/lib/messages/witness.ts';
import type { fleets } from '../fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { holdBack } from '../held-back.ts';

/** The page alone, with fleets practice does not show: keyboard, zoom, folding, size, a console that is lost. */
let fixture: FixtureFleet;

async function open(page: Page, fleet: keyof typeof fleets, place = ''): Promise<void> {
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
  for (const place of [
    '#/',
    '#/list',
    '#/what-if',
    '#/what-if?fail=atlas',
    '#/pairs/pair-held',
    '#/hosts/atlas',
    '#/hosts/cora',
    '#/activity',
    '#/add-host',
  ]) {
    await page.goto(`${fixture.url}${place}`);
    await expect(page.locator('h1, h2').first()).toBeVisible();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(over, place).toBeLessThanOrEqual(0);
  }
});

test('the screens of the failover core are not cut off either', async ({ page }) => {
  await page.setViewportSize({ width: 640, height: 400 });
  await open(page, 'unarmed');
  for (const place of [
    '#/',
    '#/pairs/pair-mail',
    '#/pairs/pair-shop',
    '#/settings',
    '#/witness',
    '#/hosts/pi',
  ]) {
    await page.goto(`${fixture.url}${place}`);
    await expect(page.locator('h1, h2').first()).toBeVisible();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(over, place).toBeLessThanOrEqual(0);
  }
});

test('the lease goes on, and who steps in is counted down', async ({ page }) => {
  await open(page, 'automatic', '#/pairs/pair-mail');
  await expect(page.getByText(/^atlas may run it until renewed; renewed \d(\.\d)? s ago\.$/)).toBeVisible();
  await expect(page.getByText(automation.votes.as.witness, { exact: true })).toBeVisible();
  await fixture.stop();
  await open(page, 'stepping');
  await expect(page.getByText(/^boreas steps in in \d s unless atlas is heard\.$/)).toBeVisible();
  await expect(page.getByRole('grid').getByRole('link', { name: /^mail steps in in \d s/ })).toBeVisible();
});

test('a pair that is not armed says why, with what mends it', async ({ page }) => {
  await open(page, 'unarmed', '#/pairs/pair-mail');
  await expect(page.getByText('pi has not answered since 14:02:03.')).toBeVisible();
  await page.getByRole('link', { name: 'Look at pi' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'pi' })).toBeVisible();
});

test('the one switch is worked by keyboard, and names what it could not reach', async ({ page }) => {
  await open(page, 'paused');
  const toggle = page.getByRole('switch', { name: /Automation paused/ });
  await expect(toggle).toHaveAttribute('aria-checked', 'false');
  await toggle.focus();
  await page.keyboard.press('Space');
  await expect(page.getByRole('log')).toContainText('mail: atlas and boreas do not answer');
});

test('the witness wizard by keyboard: own, box, machines, test, result pair by pair', async ({ page }) => {
  await open(page, 'automatic', '#/witness');
  await page.getByRole('radio', { name: new RegExp(`^${witness.kinds.nas}`) }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('radio', { name: /^pi/ })).toBeChecked();
  await page.getByRole('radio', { name: /^pi/ }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('checkbox', { name: /^mail/ })).toBeChecked();
  await page.getByRole('checkbox', { name: /^files/ }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expect(page.getByText(/may be the virtual machine/)).toBeVisible();
  await page.getByRole('button', { name: witness.test.go('pi') }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: witness.done.title('pi', 1, 2) })).toBeVisible();
});

test('a machine whose pair is lost is let go only with the word of a person', async ({ page }) => {
  await open(page, 'troubles', '#/hosts/cora');
  const words = hosts.guard.letGo;
  await expect(page.getByText(/lost what it knew of its pair/)).toBeVisible();
  await page.getByRole('button', { name: words.open('crm') }).click();
  const vouch = page.getByRole('checkbox', { name: words.vouch('crm') });
  await expect(vouch).toHaveCount(0);
  const go = page.getByRole('button', { name: words.go('crm'), exact: true });
  await go.click();
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('boreas cannot be asked');
  await vouch.check();
  await go.click();
  await expect(page.getByRole('log')).toContainText(words.done('crm', 'cora'));
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('the history can be taken away as a table', async ({ page }) => {
  await open(page, 'unarmed', '#/pairs/pair-shop');
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: pairs.export }).click();
  expect((await saved).suggestedFilename()).toBe('understudy-history-shop.csv');
});

test('the list of hundreds is found in, sorted, and kept', async ({ page }) => {
  await open(page, 'huge', '#/list');
  const table = page.getByRole('table');
  await expect(table).toHaveAttribute('aria-rowcount', '481');
  expect(await page.getByRole('row').count()).toBeLessThan(80);
  await page.getByRole('searchbox', { name: map.table.filter }).fill('node12-4');
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

test('ways to log in are offered once it is known which there are: none moves under the pointer', async ({
  page,
}) => {
  const letThrough = await holdBack(page, 'hosts.defaults');
  await open(page, 'troubles', '#/add-host');
  const address = page.getByRole('textbox', { name: addHost.address, exact: true });
  await address.fill('atlas.example');
  await expect(page.getByRole('radio')).toHaveCount(0);
  letThrough();
  await page.getByRole('radio', { name: addHost.key }).check();
  await expect(page.getByRole('textbox', { name: new RegExp(`^${addHost.keyPath}`) })).toBeVisible();
  await expect(address).toHaveValue('atlas.example');
});
