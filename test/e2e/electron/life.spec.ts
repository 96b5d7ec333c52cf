import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { menuWords } from '../../../src-main/electron/menu-words.ts';
import { manual } from '../../../src-renderer/lib/messages/manual.ts';
import { map as mapWords } from '../../../src-renderer/lib/messages/map.ts';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { shortcuts } from '../../../src-renderer/lib/messages/shortcuts.ts';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { startWire, unusedPort, type Wire } from '../loopback.ts';
import { MapPage } from '../pages/map.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { Laptop } from './laptop.ts';

/**
 * A laptop's life in its window: reloaded, closed, killed, asleep, in another network; tasks of every kind: killed.spec.ts.
 * The hosts live in this process and outlast it. The parts build on each other.
 */
const SLOW = 8e6;
const FAST = 4e9;
let laptop: Laptop;
let wire: Wire;

test.describe.configure({ mode: 'serial' });

test.beforeAll(async () => {
  laptop = await Laptop.open(FAST);
  wire = await startWire(laptop.practice.access('atlas').port);
});

test.afterAll(async () => {
  await wire?.stop();
  await laptop?.close();
});

test('reloaded in the middle of a first copy, the window comes back to it', async () => {
  const { page, hand } = laptop;
  const wizard = await laptop.connect([{ name: 'atlas', port: wire.port }, { name: 'boreas' }]);
  laptop.practice.world.pace.copyBps = SLOW;
  await wizard.protectNow();
  await new ProtectWizard(hand).choose('mail', 'boreas');
  await new ProtectWizard(hand).start();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('progressbar')).toBeVisible();
});

test('killed in the middle of a first copy, it shows where that stands when it is opened again', async () => {
  await laptop.killed();
  laptop.practice.world.pace.copyBps = FAST;
  const map = new MapPage(laptop.hand);
  await map.open();
  await map.shows('mail', 'in sync', 'boreas');
  await laptop.taskDone('protect', 'mail');
});

test('another network: the hosts are missed, and come back by themselves when it is there again', async () => {
  const map = new MapPage(laptop.hand);
  await map.open();
  wire.leadTo(await unusedPort());
  await map.says(/^atlas does not answer\./);
  wire.leadTo(laptop.practice.access('atlas').port);
  await expect(laptop.page.getByRole('heading', { level: 1, name: /does not answer/ })).toHaveCount(0, {
    timeout: 60_000,
  });
});

test('asleep and awake again it shows what is so now, and its age meanwhile', async () => {
  await laptop.running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('suspend'));
  await laptop.practice.power('boreas', false);
  await laptop.running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('resume'));
  const map = new MapPage(laptop.hand);
  await map.open();
  await map.says(/^boreas does not answer\./);
  await laptop.practice.power('boreas', true);
  await expect(laptop.page.getByRole('heading', { level: 1, name: /does not answer/ })).toHaveCount(0, {
    timeout: 60_000,
  });
});

test('closed and opened again, the window stands where it stood', async () => {
  const bounds = { x: 60, y: 40, width: 1000, height: 700 };
  await laptop.running.app.evaluate(
    ({ BrowserWindow }, wanted) => BrowserWindow.getAllWindows()[0]?.setBounds(wanted),
    bounds,
  );
  await laptop.running.close();
  expect(JSON.parse(await readFile(join(laptop.dataDir, 'window.json'), 'utf8'))).toMatchObject(bounds);
  await laptop.start();
  const now = await laptop.running.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.getBounds(),
  );
  expect(now).toEqual(bounds);
  await expect(laptop.page.getByRole('grid', { name: mapWords.grid })).toBeVisible();
});

test('its menu leads to every place, and shows the keys', async () => {
  const choose = (menu: string, item: string) =>
    laptop.running.app.evaluate(
      ({ Menu }, [of, label]) => {
        const items = Menu.getApplicationMenu()?.items.find((each) => each.label === of)?.submenu?.items;
        const found = items?.find((each) => each.label === label);
        if (!found) throw new Error(`no ${of}, ${label}`);
        found.click();
      },
      [menu, item] as const,
    );
  const { page } = laptop;
  await choose(menuWords.go, menuWords.list);
  await expect(page.getByRole('table')).toBeVisible();
  await choose(menuWords.file, menuWords.settings);
  await expect(page.getByRole('heading', { level: 1, name: settings.title })).toBeVisible();
  for (const [menu, item, title] of [
    [menuWords.go, menuWords.whatIf, whatIf.title],
    [menuWords.go, menuWords.objectives, objectives.page.title],
    [menuWords.help, menuWords.runbook, runbook.title],
    [menuWords.help, menuWords.manual, manual.title],
  ] as const) {
    await choose(menu, item);
    await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible();
  }
  await choose(menuWords.help, menuWords.shortcuts);
  await expect(page.getByRole('dialog', { name: shortcuts.title })).toBeVisible();
  await page.keyboard.press('Escape');
  await choose(menuWords.go, menuWords.map);
  await expect(page.getByRole('grid', { name: mapWords.grid })).toBeVisible();
});
