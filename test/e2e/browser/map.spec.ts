import type { Page } from '@playwright/test';
import { bulk } from '../../../src-renderer/lib/messages/bulk.ts';
import { mapView } from '../../../src-renderer/lib/messages/map-view.ts';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { big, probeOf } from '../fixture/big.ts';
import type { fleets } from '../fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { Frame } from '../pages/frame.ts';
import { ListPage } from '../pages/list.ts';
import { MapPage } from '../pages/map.ts';
import { Palette } from '../pages/palette.ts';
import { WhatIfPage } from '../pages/what-if.ts';

/** The map and its list with 100 hosts and 2,000 machines, and what if: by keyboard, by search, and as it moves. */
let fixture: FixtureFleet;

async function open(page: Page, fleet: keyof typeof fleets, place = '', changesPerS = 0): Promise<void> {
  fixture = await startFixtureFleet(fleet, { changesPerS });
  await page.goto(`${fixture.url}${place}`);
}

test.afterEach(() => fixture.stop());

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.textContent?.replace(/\s+/g, ' ').trim() ?? '');
/** Which row the focus is in; 1 is the heads. */
const focusedRow = (page: Page): Promise<number> =>
  page.evaluate(() =>
    Number(document.activeElement?.closest('[role="row"]')?.getAttribute('aria-rowindex') ?? 0),
  );

test.describe('a hundred hosts', () => {
  test('three are on stage, the others in the wings; one that is chosen comes with its partners', async ({
    hand,
    page,
  }) => {
    await open(page, 'big');
    const map = new MapPage(hand);
    await expect(map.heads).toHaveText(['fra-01', 'fra-03', 'fra-24']);
    await expect(map.columns).toHaveCount(4);
    await expect(page.getByText(mapView.wings(97)).first()).toBeVisible();
    await expect(map.skyline.getByRole('button')).toHaveCount(100);
    await map.sky('waw-03').focus();
    await page.keyboard.press('Enter');
    await expect(map.heads).toContainText(['waw-03']);
    await expect(map.heads).toContainText(['waw-09']);
    await expect(map.sky('waw-03')).toHaveAttribute('aria-pressed', 'true');
  });

  test('only what is in view is drawn, and the keyboard reaches all of it', async ({ hand, page }) => {
    await open(page, 'big');
    const map = new MapPage(hand);
    const rows = Number(await map.grid.getAttribute('aria-rowcount'));
    expect(rows).toBeGreaterThan(200);
    expect(await map.rows.count()).toBeLessThan(60);
    await map.heads.first().focus();
    for (let press = 0; press < 10; press += 1) await page.keyboard.press('ArrowDown');
    expect(await focusedRow(page)).toBe(11);
    await page.keyboard.press('End');
    await expect.poll(() => focusedRow(page)).toBe(rows);
    await page.keyboard.press('ArrowUp');
    expect(await focusedRow(page)).toBeLessThan(rows);
    await page.keyboard.press('Home');
    await expect.poll(() => focused(page)).toBe('fra-01');
  });

  test('the wheel does not take the focus away', async ({ hand, page }) => {
    await open(page, 'big');
    await new MapPage(hand).heads.first().focus();
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
    hand,
    page,
  }) => {
    await open(page, 'big');
    const map = new MapPage(hand);
    const target = map.chip(/-1777\b/);
    await expect(target).toHaveCount(0);
    await map.search.fill('1777');
    await expect(target.first()).toBeVisible();
    await map.showEverything();
    await map.show('attention');
    await expect(map.chip(/not in sync/).first()).toBeVisible();
    await expect(map.chip(/\bin sync\b.*standby on/)).toHaveCount(
      await map.chip(/not in sync.*standby on/).count(),
    );
    await map.search.fill('nowhere to be found');
    await expect(map.nothingFound).toBeVisible();
  });

  test('groups fold into counts that leave nothing out, and open with their host', async ({ hand, page }) => {
    await open(page, 'big');
    const map = new MapPage(hand);
    await map.groupBy('site');
    const frankfurt = map.group(/^Frankfurt/);
    await expect(frankfurt).toHaveAttribute('aria-expanded', 'true');
    await frankfurt.focus();
    await page.keyboard.press('Enter');
    await expect(frankfurt).toHaveAttribute('aria-expanded', 'false');
    const dublin = map.group(/^Dublin/);
    await expect(dublin).toHaveAttribute('aria-expanded', 'false');
    await map.groupBy('host');
    for (const name of ['fra-01', 'fra-03', /^fra-05/]) await hand.click(map.group(name));
    await expect(map.heads).toContainText(['fra-05']);
    await expect(map.group(/^fra-05/)).toHaveAttribute('aria-expanded', 'true');
  });

  test('from afar more hosts and rows fit, and the choice is kept', async ({ hand, page }) => {
    await open(page, 'big');
    const map = new MapPage(hand);
    await expect(map.heads).toHaveCount(3);
    await map.farther();
    await map.farther();
    const far = await map.heads.count();
    expect(far).toBeGreaterThan(5);
    await page.reload();
    await expect(map.heads).toHaveCount(far);
    await expect(map.fartherAway).toHaveAttribute('aria-disabled', 'true');
  });

  test('follows what changes, and draws everything for the printer', async ({ hand, page }) => {
    await open(page, 'big', '', 50);
    const map = new MapPage(hand);
    await expect(map.heads).toHaveCount(3);
    await expect.poll(() => fixture.told.length).toBeGreaterThan(4);
    const [first] = fixture.told;
    const { name } = probeOf(big()).vm;
    const chip = map.chip(new RegExp(`^${name}\\b.*primary on fra-01$`));
    await expect(chip).toBeVisible();
    await expect
      .poll(async () => Number(/CPU (\d+) %/.exec((await chip.textContent()) ?? '')?.[1]))
      .toBeGreaterThan(first?.percent ?? 0);
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    const rows = Number(await map.grid.getAttribute('aria-rowcount'));
    await expect(map.rows).toHaveCount(rows);
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    await expect.poll(() => map.rows.count()).toBeLessThan(60);
  });

  test('a hog is named on its host', async ({ hand, page }) => {
    await open(page, 'big');
    await expect(new MapPage(hand).column(/takes 62 % of the CPU/)).toBeVisible();
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

test('the story of a failure: what came back where, what asks, what is down', async ({ hand, page }) => {
  await open(page, 'bigLost');
  const map = new MapPage(hand);
  const story = map.story('ams-03');
  await expect(story).toBeVisible();
  await expect(story.getByText(/came back on ams-18\./)).toBeVisible();
  await expect(story.getByText(/after 5 s$/).first()).toBeVisible();
  await expect(story.getByText(/your decision\./)).toBeVisible();
  await expect(story.getByRole('link', { name: /^Decide about/ })).toBeVisible();
  await expect(map.heads).toContainText(['ams-03']);
});

test.describe('the list', () => {
  test('filters, chooses and does many things at once', async ({ hand, page }) => {
    await open(page, 'big', '#/list');
    const list = new ListPage(hand);
    await expect(list.table).toHaveAttribute('aria-rowcount', '2001');
    await list.show('by-itself');
    await list.find('fra-01');
    const rows = (await list.rows.count()) - 1;
    expect(rows).toBeGreaterThan(3);
    await list.all.focus();
    await page.keyboard.press('Space');
    await expect(list.bar.getByRole('status')).toHaveText(bulk.chosen(rows));
    // The scripted fleet refuses it for the first of several, and says so.
    await list.give(bulk.pause);
    await expect(new Frame(hand).log).toContainText('do not answer');
    const protect = list.order(/^Protect 0/);
    await expect(protect).toHaveAttribute('aria-disabled', 'true');
    await expect(protect).toHaveAccessibleDescription(bulk.allProtected);
    const dialog = await list.maintainMany();
    await expect(dialog.box).toContainText(bulk.what(rows));
    await dialog.escape();
    await list.chooseNone();
  });

  test('sorts by what a machine takes of its host’s memory', async ({ hand, page }) => {
    await open(page, 'big', '#/list');
    const list = new ListPage(hand);
    await list.sortBy(bulk.memory);
    await expect(list.column(bulk.memory)).toHaveAttribute('aria-sort', 'descending');
    const figures = (await list.memoryShares()).slice(0, 8).map((text) => Number.parseInt(text, 10));
    expect(figures).toEqual([...figures].sort((a, b) => b - a));
  });
});

test.describe('what if', () => {
  test('a host fails: where its machines come back, in what time, and the picture of it', async ({
    hand,
    page,
  }) => {
    await open(page, 'big', '#/');
    await new MapPage(hand).whatIf();
    const thought = new WhatIfPage(hand);
    await thought.tellsOfNothing();
    const host = thought.box('ams-03');
    await host.focus();
    await page.keyboard.press('Space');
    await expect(host).toHaveAttribute('aria-pressed', 'true');
    await thought.tellsOf('ams-03');
    await expect(thought.says(/come back by themselves on .*ams-18.* within about \d+ s\./)).toBeVisible();
    await expect(thought.table.getByText(/by its last drill, \d+ /).first()).toBeVisible();
    const { picture } = thought;
    // Only rows in view are drawn, and the table above is long.
    await picture.evaluate((grid) => grid.scrollIntoView());
    await expect(picture.getByText(/^on stage since/).first()).toBeVisible();
    await expect(picture.getByRole('link', { name: /^Fail over/ })).toHaveCount(0);
    await page.reload();
    await thought.tellsOf('ams-03');
    await thought.reset();
    await thought.tellsOfNothing();
    await thought.fail('dub-12');
    await expect(thought.table.getByText(whatIf.reasons['not-protected']).first()).toBeVisible();
  });

  test('the witness and a standby’s host at once freeze what is armed; both hosts leave nothing', async ({
    hand,
    page,
  }) => {
    await open(page, 'big', '#/what-if?fail=ams-18,witness-1');
    await expect(new WhatIfPage(hand).says(/machines? (is|are) frozen/)).toBeVisible();
    await page.goto(`${fixture.url}#/what-if?fail=ams-18,ams-03`);
    await expect(page.getByText(whatIf.reasons['both-hosts']).first()).toBeVisible();
  });

  test('memory: what does not fit on the backup host is named', async ({ hand, page }) => {
    await open(page, 'big', '#/what-if?fail=fra-01,fra-02,fra-03,fra-04');
    await expect(new WhatIfPage(hand).says(/not fit into the memory of .*fra-24/)).toBeVisible();
    await expect(page.getByText(whatIf.table.noRoom).first()).toBeVisible();
  });

  test('is found in the palette', async ({ hand, page }) => {
    await open(page, 'big');
    const frame = new Frame(hand);
    await new MapPage(hand).isThere();
    await new Palette(page).goTo(whatIf.title);
    await frame.shows(whatIf.title);
    await expect(frame.navigation).toBeVisible();
  });
});
