import { activity } from '../../../src-renderer/lib/messages/activity.ts';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { expect, test } from '../fixtures.ts';
import { startHeadless } from '../headless.ts';
import { makeHome } from '../home.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { Hand } from '../pages/hand.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { type PracticeHosts, startPracticeHosts } from '../practice-hosts.ts';

async function add(hand: Hand, practice: PracticeHosts, name: string): Promise<void> {
  const wizard = new AddHostWizard(hand);
  const { address, port, user, password } = practice.access(name);
  await wizard.enter({ address: `${user}@${address}:${port}`, password });
  await wizard.next();
  await wizard.acceptFingerprint();
  await wizard.install();
}

async function callMe(hand: Hand, name: string): Promise<void> {
  await hand.place(shell.settings);
  await hand.type(hand.field(settings.operator), name);
  await hand.click(hand.button(settings.save));
}

test('a new laptop knowing one host is led to the other, and both consoles show who orders what', async ({
  browser,
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(240_000);
  const practice = await startPracticeHosts();
  await test.step('ada sets the fleet up', async () => {
    await page.goto((await startConsole()).url);
    await hand.click(hand.action(welcome.connect));
    await add(hand, practice, 'atlas');
    await new AddHostWizard(hand).addAnother();
    await add(hand, practice, 'boreas');
    await new AddHostWizard(hand).protectNow();
    await new ProtectWizard(hand).choose('mail', 'boreas');
    await new ProtectWizard(hand).start();
    await new ProtectWizard(hand).done('mail');
    await callMe(hand, 'ada');
  });

  const home = await makeHome();
  const laptop = await startHeadless({ env: home.env, dataDir: home.dataDir });
  const context = await browser.newContext();
  const other = new Hand(await context.newPage());
  await test.step('ben has a new laptop, and the way to one host', async () => {
    await other.page.goto(laptop.url);
    await other.click(other.action(welcome.connect));
    await add(other, practice, 'atlas');
    const offered = other.page.getByRole('region', { name: addHost.offered.title });
    await other.click(offered.getByRole('link', { name: addHost.offered.add('boreas') }));
    await expect(new AddHostWizard(other).input(addHost.address)).toHaveValue('127.0.0.1');
    await add(other, practice, 'boreas');
    await expect(offered).toHaveCount(0);
    await new MapPage(other).open();
    await new MapPage(other).shows('mail', 'in sync', 'boreas');
    await callMe(other, 'ben');
  });

  await test.step('ben switches over; ada sees it as it happens, and by whom', async () => {
    const mail = new PairPage(other, 'mail');
    await mail.open();
    await mail.openDialog('switchover');
    await mail.give(orders.switchover.go('boreas'), orders.switchover.done('mail', 'boreas'));
    await mail.closeDialog();
    await hand.place(shell.activity);
    const task = page.getByRole('article', { name: activity.task('Switch over', 'mail') });
    await expect(task).toContainText(activity.byWhom('ben'));
    await new MapPage(hand).open();
    await new MapPage(hand).shows('mail', /runs here|on stage since .+/, 'boreas');
  });

  await test.step('a host renamed at one is renamed at the other', async () => {
    await new MapPage(hand).openHost('boreas');
    await hand.click(hand.button(hosts.rename));
    await hand.type(hand.field(addHost.found.name), 'notos');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1, name: 'notos' })).toBeVisible();
    await new MapPage(other).open();
    await new MapPage(other).openHost('notos');
  });

  await context.close();
  await laptop.stop();
  await home.remove();
  await practice.close();
});
