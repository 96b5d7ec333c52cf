import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { TaskKind } from '../../../agent/protocol/task.ts';
import { menuWords } from '../../../src-main/electron/menu-words.ts';
import { activity } from '../../../src-renderer/lib/messages/activity.ts';
import { drill } from '../../../src-renderer/lib/messages/drill.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { manual } from '../../../src-renderer/lib/messages/manual.ts';
import { map as mapWords } from '../../../src-renderer/lib/messages/map.ts';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { shortcuts } from '../../../src-renderer/lib/messages/shortcuts.ts';
import { verify } from '../../../src-renderer/lib/messages/verify.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { type RunningApp, startDisplay, startElectron } from '../electron-app.ts';
import { startWire, unusedPort, type Wire } from '../loopback.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { Hand } from '../pages/hand.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { type PracticeHosts, startPracticeHosts } from '../practice-hosts.ts';

/**
 * A laptop's life in its window: reloaded, closed, killed in the middle of tasks, asleep, in another network. The hosts
 * live in this process and outlast it. The parts build on each other.
 */
const SLOW = 8e6;
const FAST = 4e9;
const HOSTS = ['atlas', 'boreas'];
let screen: Awaited<ReturnType<typeof startDisplay>>;
let practice: PracticeHosts;
let wire: Wire;
let dataDir: string;
let running: RunningApp;
let hand: Hand;

test.describe.configure({ mode: 'serial' });

async function start(): Promise<void> {
  running = await startElectron({ display: screen.display, dataDir });
  hand = new Hand(running.page);
}

/** Without a keychain the passwords went with the last window. */
async function logInAgain(): Promise<void> {
  for (const name of HOSTS) {
    await new MapPage(hand).open();
    await new MapPage(hand).openHost(name);
    await new HostPage(hand).logIn(name, practice.access(name).password);
    await expect(running.page.getByText(hosts.state.online)).toBeVisible();
  }
}

async function killed(): Promise<void> {
  const ended = new Promise((resolve) => running.app.process().once('exit', resolve));
  running.app.process().kill('SIGKILL');
  await ended;
  await start();
  await logInAgain();
}

/** The task stands in the activity, done, although its console was killed meanwhile. */
async function taskDone(kind: TaskKind): Promise<void> {
  await hand.place(shell.activity);
  const task = running.page
    .getByRole('article', { name: activity.task(pairs.taskKind[kind], 'mail') })
    .first();
  await expect(task).toContainText(orders.taskState.done, { timeout: 90_000 });
}

test.beforeAll(async () => {
  screen = await startDisplay();
  practice = await startPracticeHosts({ pace: { copyBps: FAST } });
  wire = await startWire(practice.access('atlas').port);
  dataDir = await mkdtemp(join(tmpdir(), 'understudy-life-'));
  await start();
});

test.afterAll(async () => {
  await running?.close();
  screen?.stop();
  await wire?.stop();
  await practice?.close();
  await rm(dataDir, { recursive: true, force: true });
});

test('reloaded in the middle of a first copy, the window comes back to it', async () => {
  const { page } = running;
  const wizard = new AddHostWizard(hand);
  await hand.click(hand.action(welcome.connect));
  for (const name of HOSTS) {
    const { address, port, user, password } = practice.access(name);
    await wizard.enter({ address: `${user}@${address}:${name === 'atlas' ? wire.port : port}`, password });
    await wizard.next();
    await wizard.acceptFingerprint();
    await wizard.install();
    if (name === 'atlas') await wizard.addAnother();
  }
  practice.world.pace.copyBps = SLOW;
  await wizard.protectNow();
  await new ProtectWizard(hand).choose('mail', 'boreas');
  await new ProtectWizard(hand).start();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('progressbar')).toBeVisible();
});

test('killed in the middle of a first copy, it shows where that stands when it is opened again', async () => {
  await killed();
  practice.world.pace.copyBps = FAST;
  await new MapPage(hand).open();
  await new MapPage(hand).shows('mail', 'in sync', 'boreas');
  await taskDone('protect');
});

test('killed in the middle of a comparison, a drill and a move: each is carried out, once', async () => {
  test.setTimeout(400_000);
  const mail = new PairPage(hand, 'mail');
  await mail.open();
  await hand.click(hand.button(verify.go));
  await expect(running.page.getByRole('progressbar').first()).toBeVisible();
  await killed();
  await taskDone('verify');

  await new PairPage(hand, 'mail').open();
  await hand.click(hand.action(drill.open));
  await hand.click(running.page.getByRole('dialog').getByRole('button', { name: drill.go, exact: true }));
  await expect(running.page.getByText('Take a point of the copy').first()).toBeVisible();
  await killed();
  await taskDone('drill');

  const moved = new PairPage(hand, 'mail');
  await moved.open();
  await moved.openDialog('switchover');
  const go = running.page.getByRole('dialog').getByRole('button', { name: orders.switchover.go('boreas') });
  await hand.click(go);
  await expect(running.page.getByText(orders.taskState.running).first()).toBeVisible();
  await killed();
  await taskDone('switchover');
  await new MapPage(hand).open();
  await new MapPage(hand).shows('mail', /runs here|on stage since .+/, 'boreas');
  const switches = running.page.getByRole('article', {
    name: activity.task(pairs.taskKind.switchover, 'mail'),
  });
  await hand.place(shell.activity);
  await expect(switches).toHaveCount(1);
});

test('another network: the hosts are missed, and come back by themselves when it is there again', async () => {
  const map = new MapPage(hand);
  await map.open();
  wire.leadTo(await unusedPort());
  await map.says(/^atlas does not answer\./);
  wire.leadTo(practice.access('atlas').port);
  await expect(running.page.getByRole('heading', { level: 1, name: /does not answer/ })).toHaveCount(0, {
    timeout: 60_000,
  });
});

test('asleep and awake again it shows what is so now, and its age meanwhile', async () => {
  await running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('suspend'));
  await practice.power('boreas', false);
  await running.app.evaluate(({ powerMonitor }) => void powerMonitor.emit('resume'));
  const map = new MapPage(hand);
  await map.open();
  await map.says(/^boreas does not answer\./);
  await practice.power('boreas', true);
  await expect(running.page.getByRole('heading', { level: 1, name: /does not answer/ })).toHaveCount(0, {
    timeout: 60_000,
  });
});

test('closed and opened again, the window stands where it stood', async () => {
  const bounds = { x: 60, y: 40, width: 1000, height: 700 };
  await running.app.evaluate(
    ({ BrowserWindow }, wanted) => BrowserWindow.getAllWindows()[0]?.setBounds(wanted),
    bounds,
  );
  await running.close();
  expect(JSON.parse(await readFile(join(dataDir, 'window.json'), 'utf8'))).toMatchObject(bounds);
  await start();
  const now = await running.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.getBounds(),
  );
  expect(now).toEqual(bounds);
  await expect(running.page.getByRole('grid', { name: mapWords.grid })).toBeVisible();
});

test('its menu leads to every place, and shows the keys', async () => {
  const choose = (menu: string, item: string) =>
    running.app.evaluate(
      ({ Menu }, [of, label]) => {
        const items = Menu.getApplicationMenu()?.items.find((each) => each.label === of)?.submenu?.items;
        const found = items?.find((each) => each.label === label);
        if (!found) throw new Error(`no ${of}, ${label}`);
        found.click();
      },
      [menu, item] as const,
    );
  const { page } = running;
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
