import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { expect, test } from '../fixtures.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';

/** Where the pictures go when somebody wants to look at them. */
const PICTURES = process.env.MODES_PICTURES;

test('a copy that is kept by points: chosen with its cost, looked at, started from, and mirrored after all', async ({
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(300_000);
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const files = new PairPage(hand, 'files');
  const picture = async (name: string): Promise<void> => {
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  };

  await test.step('the wizard says what each way costs', async () => {
    await page.goto((await startConsole()).url);
    await hand.click(hand.button(welcome.practice));
    await map.says(/^2 of 7 machines are protected\.$/);
    await hand.click(page.getByRole('link', { name: 'Protect files' }));
    await hand.click(page.getByRole('radio', { name: /^boreas\b/ }));
    await hand.click(hand.button(shell.next));
    await expect(page.getByText(replication.atRisk.sync)).toBeVisible();
    await hand.click(page.getByRole('radio', { name: new RegExp(`^${replication.kinds.async}`) }));
    await expect(page.getByText(/^At risk: what was written in the last 30 s/)).toBeVisible();
    await hand.click(page.getByRole('radio', { name: new RegExp(`^${replication.kinds.interval}`) }));
    await picture('wizard');
    await hand.type(hand.field(replication.every), '5 s');
    await expect(page.getByText(/30 s at the most often/)).toBeVisible();
    await expect(hand.button(shell.next)).toBeDisabled();
    await hand.type(hand.field(replication.every), '30 s');
    await expect(page.getByText(replication.byPerson)).toBeVisible();
    await hand.click(hand.button(shell.next));
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
    const card = page.getByRole('region', { name: replication.title });
    await expect(card.getByText(replication.nothingYet)).toBeVisible();
    await picture('pair');
    await hand.click(card.getByRole('button', { name: replication.pointNow, exact: true }));
    await expect(card.getByText(replication.points(2))).toBeVisible({ timeout: 60_000 });
  });

  await test.step('its host is lost: what is given up is spelt out, and an earlier point can be chosen', async () => {
    const host = new HostPage(hand);
    await map.open();
    await map.openHost('atlas');
    await host.cutPower();
    await map.open();
    await hand.click(page.getByRole('link', { name: 'Fail over files', exact: true }));
    const dialog = page.getByRole('dialog');
    await expect(dialog.getByText(/is not on boreas and is given up/)).toBeVisible({ timeout: 30_000 });
    await expect(dialog.getByLabel(replication.from)).toBeVisible();
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
    const card = page.getByRole('region', { name: replication.title });
    await hand.click(card.getByRole('link', { name: replication.change, exact: true }));
    const dialog = page.getByRole('dialog');
    await hand.click(dialog.getByRole('radio', { name: new RegExp(`^${replication.kinds.sync}`) }));
    await picture('dialog');
    await hand.click(dialog.getByRole('button', { name: replication.dialog.save, exact: true }));
    await expect(page.getByText(replication.dialog.done('files'))).toBeVisible({ timeout: 120_000 });
    await hand.click(dialog.getByRole('button', { name: orders.close, exact: true }).last());
    await files.shows(pairs.state.inSync);
    await expect(card.getByText(replication.summary.sync)).toBeVisible();
  });
});
