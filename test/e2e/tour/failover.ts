import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { expect } from '../expect.ts';
import { ActivityPage } from '../pages/activity.ts';
import { FAST, SLOW, type Tour } from './tour.ts';

/** A host is lost, its machine comes on stage on the other one, and the old copy waits for a decision. */
export async function visitFailover(tour: Tour): Promise<void> {
  const { look, map, pair, practice } = tour;
  const mail = pair('mail');
  await practice.power('atlas', false);
  await map.open();
  await map.says(/^atlas does not answer\./);
  await map.shows('mail', 'standby, can be started', 'boreas');
  await look('map-host-lost');
  await map.openHost('atlas');
  await look('host-lost');
  await mail.open();
  await look('pair-host-lost');
  await mail.openDialog('failover');
  await mail.verdictIs('unproven');
  await look('dialog-failover');
  await mail.startOn('boreas');
  await look('dialog-failover-name-missing');
  await mail.confirmFailover('boreas');
  await mail.failoverDone('boreas');
  await look('dialog-failover-done');
  await mail.closeDialog();
  await map.open();
  await map.shows('mail', /on stage since .+/, 'boreas');
  await look('map-on-stage');
  await mail.open();
  await look('pair-on-stage');
  await visitReturn(tour);
}

async function visitReturn({ hand, look, map, host, pair, practice }: Tour): Promise<void> {
  const mail = pair('mail');
  await map.open();
  await map.openHost('atlas');
  await practice.power('atlas', true);
  await host.tryNow();
  await map.open();
  await map.shows('mail', 'old copy, set aside', 'atlas');
  await map.shows('shop-web', 'in sync', 'atlas');
  await look('map-quarantined');
  await mail.open();
  await look('pair-quarantined');
  await mail.openDialog('return');
  await look('dialog-return');
  practice.world.pace.copyBps = SLOW;
  const { dialog } = mail;
  await dialog.press(orders.return.go('atlas'));
  await expect(dialog.progress).toBeVisible();
  await look('dialog-return-running');
  practice.world.pace.copyBps = FAST;
  await expect(dialog.text(orders.return.done('atlas'))).toBeVisible();
  await look('dialog-return-done');
  await mail.closeDialog();
  await mail.shows('in sync');
  await look('pair-after-return');
  const activity = new ActivityPage(hand);
  await activity.open();
  await activity.tells('mail is in sync on atlas.');
  await look('activity-after-return');
}
