import { limits } from '../../../src-renderer/lib/messages/limits.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';

test('a mirror in memory that rather goes on than waits, and a limit by timetable: chosen with their cost, and shown', async ({
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(240_000);
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const files = new PairPage(hand, 'files');

  await test.step('the wizard says what each option risks', async () => {
    await page.goto((await startConsole()).url);
    await hand.click(hand.button(welcome.practice));
    await map.says(/^2 of 7 machines are protected\.$/);
    await hand.click(page.getByRole('link', { name: 'Protect files' }));
    await hand.click(page.getByRole('radio', { name: /^boreas\b/ }));
    await hand.click(hand.button(shell.next));
    await hand.click(page.getByRole('checkbox', { name: replication.memory }));
    await expect(page.getByText(replication.atRisk.memory)).toBeVisible();
    await hand.click(page.getByRole('checkbox', { name: replication.goOn }));
    await hand.type(hand.field(replication.goOnMs), '20');
    await expect(page.getByText(/between 100 ms and 15 s/)).toBeVisible();
    await expect(hand.button(shell.next)).toBeDisabled();
    await hand.type(hand.field(replication.goOnMs), '500');
    await expect(page.getByText(replication.atRisk.goOn(500))).toBeVisible();
    await hand.click(hand.button(shell.next));
  });

  await test.step('the plan says how fast it is copied, and that can be changed there', async () => {
    await expect(page.getByText(limits.now('atlas', null))).toBeVisible();
    await hand.click(hand.button(limits.change));
    const dialog = page.getByRole('dialog');
    await hand.type(dialog.getByLabel(limits.rate, { exact: true }), '5000');
    await hand.click(dialog.getByRole('checkbox', { name: limits.withHours }));
    await hand.type(dialog.getByLabel(limits.hoursRate, { exact: true }), '6000');
    await hand.click(dialog.getByRole('button', { name: limits.save, exact: true }));
    await expect(page.getByText(limits.also(limits.hours(8, 18), limits.workdays, 6000))).toBeVisible();
    await wizard.start();
    await wizard.done('files');
    await wizard.toMap();
  });

  await test.step('its page says what is in force', async () => {
    await files.open();
    const card = page.getByRole('region', { name: replication.title });
    await expect(card.getByText(replication.summary.goOn(500), { exact: false })).toBeVisible();
    await expect(card.getByText(limits.otherwise(5000), { exact: false })).toBeVisible();
    await hand.click(card.getByRole('button', { name: limits.change, exact: true }));
    const dialog = page.getByRole('dialog');
    await hand.type(dialog.getByLabel(limits.rate, { exact: true }), '');
    await hand.click(dialog.getByRole('checkbox', { name: limits.withHours }));
    await hand.click(dialog.getByRole('button', { name: limits.save, exact: true }));
    await expect(card.getByText(limits.now('atlas', null))).toBeVisible();
  });
});
