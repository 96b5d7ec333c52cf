import type { Page } from '@playwright/test';
import { bulk } from '../../../src-renderer/lib/messages/bulk.ts';
import { map } from '../../../src-renderer/lib/messages/map.ts';
import { mapView } from '../../../src-renderer/lib/messages/map-view.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { big, probeOf } from '../fixture/big.ts';
import type { fleets } from '../fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';

/** The map and its list with 100 hosts and 2,000 machines, and what if: by keyboard, by search, and as it moves. */
let fixture: FixtureFleet;

async function open(page: Page, fleet: keyof typeof fleets, place = '', changesPerS = 0): Promise<void> {
  fixture = await startFixtureFleet(fleet, { changesPerS });
  await page.goto(`${fixture.url}${place}`);
}

test.afterEach(() => fixture.stop());

const grid = (page: Page) => page.getByRole('grid', { name: map.grid });
const heads = (page: Page) => grid(page).getByRole('columnheader').getByRole('link');
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.textContent?.replace(/\s+/g, ' ').trim() ?? '');
/** Which row the focus is in; 1 is the heads. */
const focusedRow = (page: Page): Promise<number> =>
  page.evaluate(() =>
    Number(document.activeElement?.closest('[role="row"]')?.getAttribute('aria-rowindex') ?? 0),
  );

test.describe('a hundred hosts', () => {
  test('three are on stage, the others in the wings; one that is chosen comes with its partners', async ({
    page,
  }) => {
    await open(page, 'big');
    await expect(heads(page)).toHaveText(['fra-01', 'fra-03', 'fra-24']);
    await expect(grid(page).getByRole('columnheader')).toHaveCount(4);
    await expect(page.getByText(mapView.wings(97)).first()).toBeVisible();
    const sky = page.getByRole('region', { name: mapView.skyline });
    await expect(sky.getByRole('button')).toHaveCount(100);
    await sky.getByRole('button', { name: /^waw-03,/ }).focus();
    await page.keyboard.press('Enter');
    await expect(heads(page)).toContainText(['waw-03']);
    await expect(heads(page)).toContainText(['waw-09']);
    await expect(sky.getByRole('button', { name: /^waw-03,/ })).toHaveAttribute('aria-pressed', 'true');
  });

  test('only what is in view is drawn, and the keyboard reaches all of it', async ({ page }) => {
    await open(page, 'big');
    const rows = Number(await grid(page).getAttribute('aria-rowcount'));
    expect(rows).toBeGreaterThan(200);
    expect(await grid(page).getByRole('row').count()).toBeLessThan(60);
    await heads(page).first().focus();
    for (let press = 0; press < 10; press += 1) await page.keyboard.press('ArrowDown');
    expect(await focusedRow(page)).toBe(11);
    await page.keyboard.press('End');
    await expect.poll(() => focusedRow(page)).toBe(rows);
    await page.keyboard.press('ArrowUp');
    expect(await focusedRow(page)).toBeLessThan(rows);
    await page.keyboard.press('Home');
    await expect.poll(() => focused(page)).toBe('fra-01');
  });

  test('the wheel does not take the focus away', async ({ page }) => {
    await open(page, 'big');
    await heads(page).first().focus();
    await page.keyboard.press('ArrowDown');
    const name = await focused(page);
    await page.mouse.move(600, 500);
    await page.mouse.wheel(0, 6_000);
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(3_000);
    expect(await focused(page)).toBe(name);
    await page.keyboard.press('ArrowDown');
    expect(await focusedRow(page)).toBe(3);
  });

  test('search brings what is found on stage, and a filter picks out what needs somebody', async ({
    page,
  }) => {
    await open(page, 'big');
    const target = grid(page).getByRole('link', { name: /-1777\b/ });
    await expect(target).toHaveCount(0);
    await page.getByRole('searchbox', { name: mapView.find }).fill('1777');
    await expect(target.first()).toBeVisible();
    await page.getByRole('button', { name: mapView.clear }).click();
    await page
      .getByRole('combobox', { name: mapView.filter, exact: true })
      .selectOption(mapView.filters.attention);
    await expect(
      grid(page)
        .getByRole('link', { name: /not in sync/ })
        .first(),
    ).toBeVisible();
    await expect(grid(page).getByRole('link', { name: /\bin sync\b.*standby on/ })).toHaveCount(
      await grid(page)
        .getByRole('link', { name: /not in sync.*standby on/ })
        .count(),
    );
    await page.getByRole('searchbox', { name: mapView.find }).fill('nowhere to be found');
    await expect(page.getByText(mapView.noMatch)).toBeVisible();
  });

  test('groups fold into counts that leave nothing out, and open with their host', async ({ page }) => {
    await open(page, 'big');
    await page.getByLabel(mapView.group).selectOption(mapView.groups.site);
    const frankfurt = grid(page).getByRole('button', { name: /^Frankfurt/ });
    await expect(frankfurt).toHaveAttribute('aria-expanded', 'true');
    await frankfurt.focus();
    await page.keyboard.press('Enter');
    await expect(frankfurt).toHaveAttribute('aria-expanded', 'false');
    const dublin = grid(page).getByRole('button', { name: /^Dublin/ });
    await expect(dublin).toHaveAttribute('aria-expanded', 'false');
    await page.getByLabel(mapView.group).selectOption(mapView.groups.host);
    for (const name of ['fra-01', 'fra-03']) await grid(page).getByRole('button', { name }).click();
    await grid(page)
      .getByRole('button', { name: /^fra-05/ })
      .click();
    await expect(heads(page)).toContainText(['fra-05']);
    await expect(grid(page).getByRole('button', { name: /^fra-05/ })).toHaveAttribute(
      'aria-expanded',
      'true',
    );
  });

  test('from afar more hosts and rows fit, and the choice is kept', async ({ page }) => {
    await open(page, 'big');
    await expect(heads(page)).toHaveCount(3);
    await page.getByRole('button', { name: mapView.zoomOut }).click();
    await page.getByRole('button', { name: mapView.zoomOut }).click();
    const far = await heads(page).count();
    expect(far).toBeGreaterThan(5);
    await page.reload();
    await expect(heads(page)).toHaveCount(far);
    await expect(page.getByRole('button', { name: mapView.zoomOut })).toHaveAttribute(
      'aria-disabled',
      'true',
    );
  });

  test('follows what changes, and draws everything for the printer', async ({ page }) => {
    await open(page, 'big', '', 50);
    await expect(heads(page)).toHaveCount(3);
    await expect.poll(() => fixture.told.length).toBeGreaterThan(4);
    const [first] = fixture.told;
    const { name } = probeOf(big()).vm;
    const chip = grid(page).getByRole('link', { name: new RegExp(`^${name}\\b.*primary on fra-01$`) });
    await expect(chip).toBeVisible();
    await expect
      .poll(async () => Number(/CPU (\d+) %/.exec((await chip.textContent()) ?? '')?.[1]))
      .toBeGreaterThan(first?.percent ?? 0);
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    const rows = Number(await grid(page).getAttribute('aria-rowcount'));
    await expect(grid(page).getByRole('row')).toHaveCount(rows);
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    await expect.poll(() => grid(page).getByRole('row').count()).toBeLessThan(60);
  });

  test('a hog is named on its host', async ({ page }) => {
    await open(page, 'big');
    await expect(grid(page).getByRole('columnheader', { name: /takes 62 % of the CPU/ })).toBeVisible();
  });

  test('nothing of it is cut off sideways at 200 % zoom', async ({ page }) => {
    await page.setViewportSize({ width: 640, height: 400 });
    await open(page, 'big');
    for (const place of ['#/', '#/list', '#/what-if?fail=fra-24']) {
      await page.goto(`${fixture.url}${place}`);
      await expect(page.locator('h1').first()).toBeVisible();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(over, place).toBeLessThanOrEqual(0);
    }
  });
});

test('the story of a failure: what came back where, what asks, what is down', async ({ page }) => {
  await open(page, 'bigLost');
  const story = page.getByRole('region', { name: mapView.story.title('ams-03') });
  await expect(story).toBeVisible();
  await expect(story.getByText(/came back on ams-18\./)).toBeVisible();
  await expect(story.getByText(/after 5 s$/).first()).toBeVisible();
  await expect(story.getByText(/your decision\./)).toBeVisible();
  await expect(story.getByRole('link', { name: /^Decide about/ })).toBeVisible();
  await expect(heads(page)).toContainText(['ams-03']);
});

test.describe('the list', () => {
  test('filters, chooses and does many things at once', async ({ page }) => {
    await open(page, 'big', '#/list');
    const table = page.getByRole('table', { name: map.table.title });
    await expect(table).toHaveAttribute('aria-rowcount', '2001');
    await page
      .getByRole('combobox', { name: mapView.filter, exact: true })
      .selectOption(mapView.filters['by-itself']);
    await page.getByRole('searchbox', { name: map.table.filter }).fill('fra-01');
    const rows = (await table.getByRole('row').count()) - 1;
    expect(rows).toBeGreaterThan(3);
    await page.getByRole('checkbox', { name: bulk.all }).focus();
    await page.keyboard.press('Space');
    const bar = page.getByRole('toolbar', { name: bulk.actions });
    await expect(bar.getByRole('status')).toHaveText(bulk.chosen(rows));
    // The scripted fleet refuses it for the first of several, and says so.
    await bar.getByRole('button', { name: bulk.pause }).click();
    await expect(page.getByRole('log')).toContainText('do not answer');
    const protect = bar.getByRole('button', { name: /^Protect 0/ });
    await expect(protect).toHaveAttribute('aria-disabled', 'true');
    await expect(protect).toHaveAccessibleDescription(bulk.allProtected);
    await bar.getByRole('button', { name: bulk.maintenance }).click();
    await expect(page.getByRole('dialog')).toContainText(bulk.what(rows));
    await page.keyboard.press('Escape');
    await bar.getByRole('button', { name: bulk.clear }).click();
    await expect(bar).toHaveCount(0);
  });

  test('sorts by what a machine takes of its host’s memory', async ({ page }) => {
    await open(page, 'big', '#/list');
    const column = page.getByRole('columnheader', { name: bulk.memory });
    await column.getByRole('button').click();
    await expect(column).toHaveAttribute('aria-sort', 'descending');
    const shares = await page.locator('tbody tr[data-row] td:nth-of-type(5)').allTextContents();
    const figures = shares.slice(0, 8).map((text) => Number.parseInt(text, 10));
    expect(figures).toEqual([...figures].sort((a, b) => b - a));
  });
});

/** What the page says for everybody: it is spoken too (announcer.svelte.ts). */
const said = (page: Page, text: RegExp) => page.getByRole('main').getByText(text);

test.describe('what if', () => {
  test('a host fails: where its machines come back, in what time, and the picture of it', async ({
    page,
  }) => {
    await open(page, 'big', '#/');
    await page.getByRole('link', { name: mapView.whatIf }).click();
    await expect(page.getByText(whatIf.nothing)).toBeVisible();
    const host = page.getByRole('button', { name: /^ams-03\b/ });
    await host.focus();
    await page.keyboard.press('Space');
    await expect(host).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByRole('heading', { name: whatIf.headline(['ams-03']) })).toBeVisible();
    await expect(said(page, /come back by themselves on .*ams-18.* within about \d+ s\./)).toBeVisible();
    const table = page.getByRole('table', { name: whatIf.table.title });
    await expect(table.getByText(/by its last drill, \d+ /).first()).toBeVisible();
    const picture = page.getByRole('grid', { name: whatIf.picture });
    // Only rows in view are drawn, and the table above is long.
    await picture.evaluate((grid) => grid.scrollIntoView());
    await expect(picture.getByText(/^on stage since/).first()).toBeVisible();
    await expect(picture.getByRole('link', { name: /^Fail over/ })).toHaveCount(0);
    await page.reload();
    await expect(page.getByRole('heading', { name: whatIf.headline(['ams-03']) })).toBeVisible();
    await page.getByRole('link', { name: whatIf.reset }).click();
    await expect(page.getByText(whatIf.nothing)).toBeVisible();
    await page.getByRole('button', { name: /^dub-12\b/ }).click();
    await expect(table.getByText(whatIf.reasons['not-protected']).first()).toBeVisible();
  });

  test('the witness and a standby’s host at once freeze what is armed; both hosts leave nothing', async ({
    page,
  }) => {
    await open(page, 'big', '#/what-if?fail=ams-18,witness-1');
    await expect(said(page, /machines? (is|are) frozen/)).toBeVisible();
    await page.goto(`${fixture.url}#/what-if?fail=ams-18,ams-03`);
    await expect(page.getByText(whatIf.reasons['both-hosts']).first()).toBeVisible();
  });

  test('memory: what does not fit on the backup host is named', async ({ page }) => {
    await open(page, 'big', '#/what-if?fail=fra-01,fra-02,fra-03,fra-04');
    await expect(said(page, /not fit into the memory of .*fra-24/)).toBeVisible();
    await expect(page.getByText(whatIf.table.noRoom).first()).toBeVisible();
  });

  test('is found in the palette', async ({ page }) => {
    await open(page, 'big');
    await grid(page).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('combobox').fill(whatIf.title);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1, name: whatIf.title })).toBeVisible();
    await expect(page.getByRole('navigation', { name: shell.navigation })).toBeVisible();
  });
});
