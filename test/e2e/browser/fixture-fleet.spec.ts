import type { Page } from '@playwright/test';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { map } from '../../../src-renderer/lib/messages/map.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import type { fleets } from '../fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { holdBack } from '../held-back.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { AutomationCard } from '../pages/automation.ts';
import { Frame } from '../pages/frame.ts';
import { HostPage } from '../pages/host.ts';
import { ListPage } from '../pages/list.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { Palette } from '../pages/palette.ts';
import { WitnessWizard } from '../pages/witness.ts';

/** The page alone, with fleets practice does not show: keyboard, zoom, folding, size, a console that is lost. */
let fixture: FixtureFleet;

async function open(page: Page, fleet: keyof typeof fleets, place = ''): Promise<void> {
  fixture = await startFixtureFleet(fleet);
  await page.goto(`${fixture.url}${place}`);
}

test.afterEach(() => fixture.stop());

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.textContent?.replace(/\s+/g, ' ').trim() ?? '');

test('the map is one tab stop; arrows walk through it', async ({ hand, page }) => {
  await open(page, 'troubles');
  const map = new MapPage(hand);
  await expect(map.rows).not.toHaveCount(0);
  await expect(map.grid.locator('[tabindex="0"]')).toHaveCount(1);
  await map.chip(/^atlas$/).focus();
  await page.keyboard.press('ArrowDown');
  expect(await focused(page)).toMatch(/^copying .*primary on atlas$/);
  await page.keyboard.press('ArrowRight');
  expect(await focused(page)).toMatch(/^copying .*standby on cora$/);
  await page.keyboard.press('Enter');
  await new PairPage(hand, 'copying').isThere();
});

test('hosts that do not fit fold, and come forward with their partners when asked', async ({
  hand,
  page,
}) => {
  await open(page, 'many');
  const map = new MapPage(hand);
  await expect(map.columns).toHaveCount(9);
  await expect(map.heads).toHaveText(['atlas', 'boreas']);
  await hand.click(map.folded('gaia'));
  await expect(map.heads).toHaveText(['echo', 'gaia']);
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

test('the lease goes on, and who steps in is counted down', async ({ hand, page }) => {
  await open(page, 'automatic', '#/pairs/pair-mail');
  const card = new AutomationCard(hand);
  await card.showsTheLeaseOf('atlas');
  await expect(page.getByText(automation.votes.as.witness, { exact: true })).toBeVisible();
  await fixture.stop();
  await open(page, 'stepping');
  await card.countsDown('boreas', 'atlas');
  await expect(new MapPage(hand).chip(/^mail steps in in \d s/)).toBeVisible();
});

test('a pair that is not armed says why, with what mends it', async ({ page }) => {
  await open(page, 'unarmed', '#/pairs/pair-mail');
  await expect(page.getByText('pi has not answered since 14:02:03.')).toBeVisible();
  await page.getByRole('link', { name: 'Look at pi' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'pi' })).toBeVisible();
});

test('the one switch is worked by keyboard, and names what it could not reach', async ({ hand, page }) => {
  await open(page, 'paused');
  const frame = new Frame(hand);
  await frame.isPaused();
  await expect(frame.automation).toHaveAccessibleName(/Automation paused/);
  await frame.automation.focus();
  await page.keyboard.press('Space');
  await expect(frame.log).toContainText('mail: atlas and boreas do not answer');
});

test('the witness wizard by keyboard: own, box, machines, test, result pair by pair', async ({
  hand,
  page,
}) => {
  await open(page, 'automatic', '#/witness');
  const wizard = new WitnessWizard(hand);
  await wizard.kind('nas').focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expect(wizard.box('pi')).toBeChecked();
  await wizard.box('pi').focus();
  await page.keyboard.press('Enter');
  await expect(wizard.machine('mail')).toBeChecked();
  await wizard.machine('files').focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expect(page.getByText(/may be the virtual machine/)).toBeVisible();
  await wizard.testing('pi').focus();
  await page.keyboard.press('Enter');
  await wizard.isSet('pi', 1, 2);
});

test('a machine whose pair is lost is let go only with the word of a person', async ({ hand, page }) => {
  await open(page, 'troubles', '#/hosts/cora');
  const host = new HostPage(hand);
  await host.saysThatAPairIsLost();
  const dialog = await host.letGo('crm', 'cora');
  await dialog.isThere();
  await expect(dialog.vouching).toHaveCount(0);
  await dialog.go();
  await expect(dialog.alert).toContainText('boreas cannot be asked');
  await dialog.vouching.check();
  await dialog.go();
  await expect(new Frame(hand).log).toContainText(hosts.guard.letGo.done('crm', 'cora'));
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('the history can be taken away as a table', async ({ hand, page }) => {
  await open(page, 'unarmed', '#/pairs/pair-shop');
  const saved = page.waitForEvent('download');
  await new PairPage(hand, 'shop').exportHistory();
  expect((await saved).suggestedFilename()).toBe('understudy-history-shop.csv');
});

test('the list of hundreds is found in, sorted, and kept', async ({ hand, page }) => {
  await open(page, 'huge', '#/list');
  const list = new ListPage(hand);
  await expect(list.table).toHaveAttribute('aria-rowcount', '481');
  expect(await list.rows.count()).toBeLessThan(80);
  await list.find('node12-4');
  await expect(list.rows).toHaveCount(3);
  await list.sortBy(map.table.name);
  await expect(list.column(map.table.name)).toHaveAttribute('aria-sort', 'descending');
  await expect(list.names.first()).toContainText('node12-40');
});

test('the palette leads anywhere by keyboard', async ({ hand, page }) => {
  await open(page, 'troubles');
  await new MapPage(hand).isThere();
  await new Palette(page).goTo('waiting');
  await new PairPage(hand, 'waiting').isThere();
});

test('a lost console is said, orders are refused with that reason, and it comes back by itself', async ({
  hand,
  page,
}) => {
  await open(page, 'troubles', '#/pairs/pair-in-sync');
  const { alert } = new Frame(hand);
  const order = page.getByRole('link', { name: 'Switch over…' });
  await expect(order).toBeVisible();
  await fixture.pause();
  await expect(alert).toContainText(shell.lost.title);
  const refused = page.getByRole('button', { name: 'Switch over…' });
  await expect(refused).toHaveAttribute('aria-disabled', 'true');
  await expect(refused).toHaveAccessibleDescription(/lost its console/);
  await fixture.resume();
  await expect(alert).toHaveCount(0);
  await expect(order).toBeVisible();
});

test('ways to log in are offered once it is known which there are: none moves under the pointer', async ({
  hand,
  page,
}) => {
  const letThrough = await holdBack(page, 'hosts.defaults');
  await open(page, 'troubles', '#/add-host');
  const wizard = new AddHostWizard(hand);
  const address = wizard.input(addHost.address);
  await address.fill('atlas.example');
  await expect(page.getByRole('radio')).toHaveCount(0);
  letThrough();
  await wizard.choose(addHost.key);
  await expect(wizard.input(addHost.keyPath)).toBeVisible();
  await expect(address).toHaveValue('atlas.example');
});
