import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { expect, test } from '../fixtures.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { watchForTwoCopies } from '../running-twice.ts';

test('boreas is lost, cora becomes the standby of mail, and boreas comes back to nothing', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const host = new HostPage(hand);
  const mail = new PairPage(hand, 'mail');
  const twice = await watchForTwoCopies(page);
  await page.goto((await startConsole(['--practice'])).url);
  await map.isPractice();

  await test.step('boreas loses its power', async () => {
    await map.openHost('boreas');
    await host.cutPower();
  });

  await test.step('cora is looked at, and takes its place', async () => {
    await mail.open();
    await mail.openDialog('replace');
    await mail.chooseStandby('cora');
    await expect(mail.dialog.text(/The copy on boreas is deleted\./)).toBeVisible({ timeout: 30_000 });
    await hand.click(mail.mending);
    await expect(mail.dialog.button(orders.replace.go('cora'))).toBeEnabled({ timeout: 30_000 });
    await mail.give(orders.replace.go('cora'), orders.replace.done('mail', 'cora'));
    await expect(mail.dialog.text(/boreas is told when it returns/)).toBeVisible();
    await mail.closeDialog();
    await map.open();
    await map.shows('mail', 'in sync', 'cora', 60_000);
  });

  await test.step('boreas returns, and has no part in it', async () => {
    await map.openHost('boreas');
    await host.restorePower();
    await mail.open();
    await mail.shows('boreas no longer stands by for mail', 120_000);
    await map.open();
    await map.shows('mail', 'in sync', 'cora', 60_000);
  });

  expect(await twice()).toEqual([]);
});
