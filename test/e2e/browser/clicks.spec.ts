import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { MapPage } from '../pages/map.ts';
import { ProtectWizard } from '../pages/protect.ts';
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
  await hand.click(hand.action(welcome.connect));
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
  await new MapPage(hand).says(/^atlas does not answer\./);
  await hand.click(page.getByRole('link', { name: 'Fail over mail', exact: true }));
  const dialog = page.getByRole('dialog', { name: orders.failover.title('mail') });
  await expect(dialog.getByText(orders.failover.verdict.proven, { exact: true })).toBeVisible();
  await hand.click(dialog.getByRole('button', { name: orders.failover.go('mail', 'boreas') }));
  // The order is out: this fleet is invented, and says who carries nothing out.
  await expect(dialog.getByText(/pair\.failover/)).toBeVisible();
  expect([hand.clicks, hand.fields]).toEqual([2, 0]);
  await fixture.stop();
});
