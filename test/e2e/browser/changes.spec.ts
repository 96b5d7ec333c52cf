import { changes } from '../../../src-renderer/lib/messages/changes.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';

/** What others changed, as the page says it: the most urgent above the map, the request with its button on the machine's page. */
let fixture: FixtureFleet;

test.beforeEach(async () => {
  fixture = await startFixtureFleet('changed');
});
test.afterEach(() => fixture.stop());

test('a copy that somebody has been at comes first on the map, and can be vouched for on its page', async ({
  hand,
  page,
}) => {
  await page.goto(fixture.url);
  await expect(new MapPage(hand).headline).toHaveText(changes.touched('files', 'boreas'));
  await page.goto(`${fixture.url}#/pairs/pair-files`);
  const alert = new PairPage(hand, 'files').banner(changes.touched('files', 'boreas'));
  await expect(alert).toContainText('Another file lies at');
  await alert.getByRole('button', { name: changes.trust }).click();
  // The fixture carries nothing out, and its refusal stays where the button is.
  await expect(alert).toContainText('fixtureFleet carries nothing out (pair.trustCopy)');
});

test('a change that the standby cannot follow is one request; what is being followed and was followed is told', async ({
  hand,
  page,
}) => {
  await page.goto(`${fixture.url}#/pairs/pair-mail`);
  const alert = new PairPage(hand, 'mail').banner(changes.asked('mail', 'boreas'));
  await expect(alert).toContainText('It has no bridge br-lab.');
  await expect(alert).toContainText(changes.keeps('boreas'));
  await alert.getByRole('button', { name: changes.look }).click();
  await expect(alert).toContainText('fixtureFleet carries nothing out (pair.lookAgain)');

  await page.goto(`${fixture.url}#/pairs/pair-shop`);
  await expect(page.getByText('Disk vda was enlarged: 40 GiB before, 60 GiB now.')).toBeVisible();
  await expect(page.getByText(changes.following('boreas'))).toBeVisible();
  await page.getByText(changes.followed, { exact: true }).click();
  await expect(page.getByText(/Its memory: 4 GiB before/)).toBeVisible();
});
