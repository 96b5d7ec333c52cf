import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { menuWords } from '../../../src-main/electron/menu-words.ts';
import { manual } from '../../../src-renderer/lib/messages/manual.ts';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { startWire, unusedPort, type Wire } from '../loopback.ts';
import { Frame } from '../pages/frame.ts';
import { ListPage } from '../pages/list.ts';
import { MapPage } from '../pages/map.ts';
import { ShortcutSheet } from '../pages/palette.ts';
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
  const protect = new ProtectWizard(hand);
  await protect.choose('mail', 'boreas');
  await protect.start();
  await protect.isCopying();
  await page.reload();
  await protect.isCopying();
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
  await map.hearsEveryHost();
});

test('asleep and awake again it shows what is so now, and its age meanwhile', async () => {
  await laptop.running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('suspend'));
  await laptop.practice.power('boreas', false);
  await laptop.running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('resume'));
  const map = new MapPage(laptop.hand);
  await map.open();
  await map.says(/^boreas does not answer\./);
  await laptop.practice.power('boreas', true);
  await map.hearsEveryHost();
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
  await new MapPage(laptop.hand).isThere();
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
  const { page, hand } = laptop;
  const frame = new Frame(hand);
  const sheet = new ShortcutSheet(page);
  await choose(menuWords.go, menuWords.list);
  await new ListPage(hand).isThere();
  await choose(menuWords.file, menuWords.settings);
  await frame.shows(settings.title);
  for (const [menu, item, title] of [
    [menuWords.go, menuWords.whatIf, whatIf.title],
    [menuWords.go, menuWords.objectives, objectives.page.title],
    [menuWords.help, menuWords.runbook, runbook.title],
    [menuWords.help, menuWords.manual, manual.title],
  ] as const) {
    await choose(menu, item);
    await frame.shows(title);
  }
  await choose(menuWords.help, menuWords.shortcuts);
  await sheet.isThere();
  await sheet.close();
  await choose(menuWords.go, menuWords.map);
  await new MapPage(hand).isThere();
});
