import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { DialogBox } from '../pages/dialog.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { WelcomePage } from '../pages/welcome.ts';
import { startPracticeHosts } from '../practice-hosts.ts';

/** The goals of the first issue: every activation and every field typed into is counted by `Hand`. */
const MOST_CLICKS = 16;
const MOST_FIELDS = 8;

test('from the first page to the first machine in sync, two hosts included', async ({
  hand,
  page,
  startConsole,
}) => {
  const practice = await startPracticeHosts();
  const addHosts = new AddHostWizard(hand);
  const protect = new ProtectWizard(hand);
  await page.goto((await startConsole()).url);
  await new WelcomePage(hand).connect();
  for (const name of ['atlas', 'boreas']) {
    const { address, port, user, password } = practice.access(name);
    // As one would write it; practice hosts have passwords of their own.
    await addHosts.enter({ address: `${user}@${address}:${port}`, password });
    await addHosts.next();
    await addHosts.acceptFingerprint();
    await addHosts.install();
    if (name === 'atlas') await addHosts.addAnother();
  }
  await addHosts.protectNow();
  await protect.choose('mail', 'boreas');
  await protect.start();
  await protect.done('mail');
  console.log(`first machine in sync: ${hand.clicks} clicks, ${hand.fields} fields`);
  expect(hand.clicks).toBeLessThanOrEqual(MOST_CLICKS);
  expect(hand.fields).toBeLessThanOrEqual(MOST_FIELDS);
  await practice.close();
});

test('from the start page to a failover whose proof is complete: two clicks, nothing to type', async ({
  hand,
  page,
}) => {
  const fixture = await startFixtureFleet('lost');
  await page.goto(fixture.url);
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');
  await map.says(/^atlas does not answer\./);
  await map.failOver('mail');
  const dialog = new DialogBox(hand, orders.failover.title('mail'));
  await dialog.isThere();
  await mail.verdictIs('proven');
  await mail.startOn('boreas');
  // The order is out: this fleet is invented, and says who carries nothing out.
  await expect(dialog.text(/pair\.failover/)).toBeVisible();
  expect([hand.clicks, hand.fields]).toEqual([2, 0]);
  await fixture.stop();
});
