import { activity } from '../../../src-renderer/lib/messages/activity.ts';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { expect, test } from '../fixtures.ts';
import { startHeadless } from '../headless.ts';
import { makeHome } from '../home.ts';
import { ActivityPage } from '../pages/activity.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { Hand } from '../pages/hand.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { SettingsPage } from '../pages/settings.ts';
import { WelcomePage } from '../pages/welcome.ts';
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
  const settings = new SettingsPage(hand);
  await settings.open();
  await settings.callMe(name);
}

test('a new laptop knowing one host is led to the other, and both consoles show who orders what', async ({
  browser,
  hand,
  page,
  startConsole,
}) => {
  const practice = await startPracticeHosts();
  await test.step('ada sets the fleet up', async () => {
    await page.goto((await startConsole()).url);
    await new WelcomePage(hand).connect();
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
    await new WelcomePage(other).connect();
    await add(other, practice, 'atlas');
    const wizard = new AddHostWizard(other);
    await wizard.addOffered('boreas');
    await expect(wizard.input(addHost.address)).toHaveValue('127.0.0.1');
    await add(other, practice, 'boreas');
    await expect(wizard.offered).toHaveCount(0);
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
    const told = new ActivityPage(hand);
    await told.open();
    await expect(told.tasks('switchover', 'mail')).toContainText(activity.byWhom('ben'));
    await new MapPage(hand).open();
    await new MapPage(hand).shows('mail', /runs here|on stage since .+/, 'boreas');
  });

  await test.step('a host renamed at one is renamed at the other', async () => {
    await new MapPage(hand).openHost('boreas');
    await new HostPage(hand).rename('boreas', 'notos');
    await new MapPage(other).open();
    await new MapPage(other).openHost('notos');
  });

  await context.close();
  await laptop.stop();
  await home.remove();
  await practice.close();
});
