import { request } from 'node:http';
import { WebSocket } from 'ws';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect, test } from '../fixtures.ts';
import { ActivityPage } from '../pages/activity.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { DialogBox } from '../pages/dialog.ts';
import { Frame } from '../pages/frame.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { SettingsPage } from '../pages/settings.ts';
import { WelcomePage } from '../pages/welcome.ts';
import { startPracticeHosts } from '../practice-hosts.ts';

test('the first page offers both ways in, and the address printed opens it once', async ({
  browser,
  hand,
  page,
  startConsole,
}) => {
  const { url } = await startConsole();
  await page.goto(url);
  const welcome = new WelcomePage(hand);
  await welcome.isThere();
  await expect(welcome.connecting).toBeVisible();
  await expect(welcome.practising).toBeVisible();
  expect(page.url()).not.toContain('token');

  const stranger = await browser.newContext();
  const answerTo = async (address: string) => (await stranger.request.get(address)).status();
  expect(await answerTo(url)).toBe(403);
  expect(await answerTo(new URL('/', url).href)).toBe(403);
  expect(await answerTo(new URL('/?token=guessed', url).href)).toBe(403);
  await stranger.close();
});

test('nobody else may talk to the console: other pages, other names, no cookie', async ({
  context,
  page,
  startConsole,
}) => {
  await page.goto((await startConsole()).url);
  const { host, port, origin } = new URL(page.url());
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const socket = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const opened = new WebSocket(`ws://${host}/ws`, { headers });
      opened.on('open', () => resolve(101)).on('error', reject);
      opened.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      opened.on('open', () => opened.close());
    });
  expect(await socket({ cookie, origin })).toBe(101);
  expect(await socket({ cookie, origin: 'http://evil.example' })).toBe(403);
  expect(await socket({ cookie, origin: `http://127.0.0.1:${Number(port) + 1}` })).toBe(403);
  expect(await socket({ cookie })).toBe(403);
  expect(await socket({ origin })).toBe(403);

  const named = (name: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { cookie, host: `${name}:${port}` };
      const asked = request({ host: '127.0.0.1', port, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.on('error', reject).end();
    });
  expect(await named('127.0.0.1')).toBe(200);
  expect(await named('rebound.example')).toBe(421);
});

test('a reload comes back to the same place; a lost console is told', async ({
  hand,
  page,
  startConsole,
}) => {
  const console = await startConsole(['--practice']);
  await page.goto(console.url);
  const settings = new SettingsPage(hand);
  await settings.open();
  await page.reload();
  await settings.isThere();
  const mail = new PairPage(hand, 'mail');
  await mail.open();
  await mail.openDialog('switchover');
  await page.reload();
  const dialog = new DialogBox(hand, orders.switchover.title('mail'));
  await dialog.isThere();
  await dialog.escape();

  const frame = new Frame(hand);
  await console.kill();
  await frame.hasLostItsConsole();
  await mail.isThere();
  await hand.place(shell.map);
  await frame.hasLostItsConsole();
});

test('a console killed in the middle of a first copy shows where it stands when it is started again', async ({
  browser,
  hand,
  page,
  startConsole,
}) => {
  const practice = await startPracticeHosts({ pace: { copyBps: 20e6 } });
  const addHosts = new AddHostWizard(hand);
  const protect = new ProtectWizard(hand);
  const first = await startConsole();
  await page.goto(first.url);
  await new WelcomePage(hand).connect();
  for (const name of ['atlas', 'boreas']) {
    const { address, port, password } = practice.access(name);
    await addHosts.enter({ address, port, password });
    await addHosts.next();
    await addHosts.acceptFingerprint();
    await addHosts.install();
    if (name === 'atlas') await addHosts.addAnother();
  }
  await addHosts.protectNow();
  await protect.choose('mail', 'boreas');
  await protect.start();
  await protect.isCopying();
  await first.kill();
  await new Frame(hand).hasLostItsConsole();

  const second = await startConsole();
  const context = await browser.newContext();
  const again = await context.newPage();
  hand.page = again;
  await again.goto(second.url);
  const map = new MapPage(hand);
  for (const name of ['atlas', 'boreas']) {
    await map.open();
    await map.openHost(name);
    // Without a keychain the password went with the first console.
    const host = new HostPage(hand);
    await host.logIn(name, practice.access(name).password);
    await host.isConnected();
  }
  await map.open();
  await map.shows('mail', /(first copy|copying) \d+ %/, 'boreas');
  practice.world.pace.copyBps = 4e9;
  await map.shows('mail', 'in sync', 'boreas');
  const activity = new ActivityPage(hand);
  await activity.open();
  await activity.tells('mail is in sync on boreas.');
  await expect(activity.tasks('protect', 'mail')).toBeVisible();
  await activity.tells('atlas (127.0.0.1) added as hypervisor.');
  await context.close();
  await practice.close();
});
