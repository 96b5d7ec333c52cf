import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { expect, test } from '../fixtures.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { ModeFields, ReplicationCard } from '../pages/replication.ts';
import { WelcomePage } from '../pages/welcome.ts';

/** Where the pictures go when somebody wants to look at them. */
const PICTURES = process.env.MODES_PICTURES;

test('a copy that is kept by points: chosen with its cost, looked at, started from, and mirrored after all', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const fields = new ModeFields(hand);
  const files = new PairPage(hand, 'files');
  const card = new ReplicationCard(hand);
  const picture = async (name: string): Promise<void> => {
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  };

  await test.step('the wizard says what each way costs', async () => {
    await page.goto((await startConsole()).url);
    await new WelcomePage(hand).practice();
    await map.isPractice();
    await map.protect('files');
    await wizard.standOn('boreas');
    await fields.says(replication.atRisk.sync);
    await fields.keep('async');
    await fields.says(/^At risk: what was written in the last 30 s/);
    await fields.keep('interval');
    await picture('wizard');
    await fields.enter('every', '5 s');
    await fields.says(/30 s at the most often/);
    await expect(wizard.next).toBeDisabled();
    await fields.enter('every', '30 s');
    await fields.says(replication.byPerson);
    await wizard.goOn();
  });

  await test.step('the first point is the protection', async () => {
    await expect(page.getByText(protect.planPoints(replication.summary.interval('30 s')))).toBeVisible();
    await wizard.start();
    await wizard.done('files');
    await expect(page.getByText(protect.donePoints('files', 'boreas'))).toBeVisible();
    await wizard.toMap();
    await map.shows('files', /\d+ s behind/, 'boreas');
    await picture('map');
  });

  await test.step('its page says what is at risk, and makes a point when told', async () => {
    await files.open();
    await card.says(replication.nothingYet);
    await picture('pair');
    await card.makePoint();
    await card.says(replication.points(2), 60_000);
  });

  await test.step('its host is lost: what is given up is spelt out, and an earlier point can be chosen', async () => {
    const host = new HostPage(hand);
    await map.open();
    await map.openHost('atlas');
    await host.cutPower();
    await map.open();
    await map.failOver('files');
    await expect(files.dialog.text(/is not on boreas and is given up/)).toBeVisible({ timeout: 30_000 });
    await expect(files.dialog.box.getByLabel(replication.from)).toBeVisible();
    await picture('failover');
    await files.confirmFailover('boreas');
    await files.failoverDone('boreas');
    await files.closeDialog();
    await map.open();
    await map.openHost('atlas');
    await host.restorePower();
    await map.open();
    await map.shows('files', 'old copy, set aside', 'atlas');
  });

  await test.step('the old host stands by again, and the copy is mirrored from then on', async () => {
    await files.open();
    await files.openDialog('return');
    await files.give(orders.return.go('atlas'), orders.return.done('atlas'));
    await files.closeDialog();
    const dialog = await card.change('files');
    await dialog.fields.keep('sync');
    await picture('dialog');
    await dialog.save();
    await dialog.done(120_000);
    await dialog.close();
    await files.shows(pairs.state.inSync);
    await card.says(replication.summary.sync);
  });
});
