import { expect, test } from '@playwright/test';
import { type RunningApp, startDisplay, startElectron } from '../electron-app.ts';
import { Frame } from '../pages/frame.ts';
import { Hand } from '../pages/hand.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';

let screen: Awaited<ReturnType<typeof startDisplay>>;
let running: RunningApp;

interface Seen {
  notices: { title: string; body: string }[];
  tips: string[];
  labels: string[];
}

test.beforeAll(async () => {
  screen = await startDisplay();
  running = await startElectron({ display: screen.display, args: ['--practice'] });
});
test.afterAll(async () => {
  await running?.close();
  screen?.stop();
});

/** What reaches the desktop, noted instead of shown: there is none on a virtual screen. */
const watchDesktop = () =>
  running.app.evaluate(({ Notification, Tray, Menu }) => {
    const seen: Seen = { notices: [], tips: [], labels: [] };
    Reflect.set(globalThis, 'seen', seen);
    Reflect.set(Notification, 'isSupported', () => true);
    Notification.prototype.show = function show(this: Electron.Notification) {
      seen.notices.push({ title: this.title, body: this.body });
      Reflect.set(globalThis, 'lastNotice', this);
    };
    const tip = Tray.prototype.setToolTip;
    Tray.prototype.setToolTip = function setToolTip(this: Electron.Tray, text: string) {
      seen.tips.push(text);
      tip.call(this, text);
    };
    const build = Menu.buildFromTemplate;
    Reflect.set(Menu, 'buildFromTemplate', (template: Electron.MenuItemConstructorOptions[]) => {
      const menu = build.call(Menu, template);
      seen.labels = template.map(({ label }) => label ?? '');
      Reflect.set(globalThis, 'trayMenu', menu);
      return menu;
    });
  });
const seen = (): Promise<Seen> => running.app.evaluate(() => Reflect.get(globalThis, 'seen') as Seen);
const choose = (label: string) =>
  running.app.evaluate((_electron, wanted) => {
    const menu = Reflect.get(globalThis, 'trayMenu') as Electron.Menu;
    menu.items.find((item) => item.label === wanted)?.click();
  }, label);

test('the tray follows how all is, pauses automation, and notifications are quiet while the window is in view', async () => {
  test.setTimeout(180_000);
  const { page, app } = running;
  const hand = new Hand(page);
  await watchDesktop();
  await expect(page.getByText(/machines are protected/).first()).toBeVisible({ timeout: 60_000 });

  await test.step('pause and resume from the tray', async () => {
    // The menu is built anew when the state changes: from then on the watch sees it.
    await hand.click(new Frame(hand).automation.first());
    await expect.poll(async () => (await seen()).tips.at(-1), { timeout: 30_000 }).toMatch(/paused/);
    expect((await seen()).labels).toContain('Resume automation');
    await choose('Resume automation');
    await expect
      .poll(async () => (await seen()).labels, { timeout: 30_000 })
      .toContain('Pause all automation');
    await expect
      .poll(async () => (await seen()).notices.map(({ title }) => title))
      .toContain('Automation is resumed');
  });

  await test.step('a host fails while nobody looks: told, and a click goes there', async () => {
    await app.evaluate(({ BrowserWindow }) => {
      const window = BrowserWindow.getAllWindows()[0];
      if (window) Reflect.set(window, 'isFocused', () => false);
    });
    await new MapPage(hand).open();
    await new MapPage(hand).openHost('atlas');
    await new HostPage(hand).cutPower();
    await expect
      .poll(async () => (await seen()).notices.map(({ title }) => title), { timeout: 60_000 })
      .toContainEqual(expect.stringMatching(/^Practice: /));
    await app.evaluate(() => (Reflect.get(globalThis, 'lastNotice') as Electron.Notification).emit('click'));
    await expect.poll(() => page.evaluate(() => location.hash)).toMatch(/^#\/(pairs\/.*)?$/);
  });
});
