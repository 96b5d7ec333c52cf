import { drill } from '../../../src-renderer/lib/messages/drill.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';

test('the copy of mail is tried out, with live stages; the result stays, and a changed check makes it old', async ({
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(180_000);
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');

  await test.step('the page says that nobody has tried it out', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.says(/^2 of 7 machines are protected\.$/);
    await mail.open();
    await mail.shows(drill.says.never('boreas'));
  });

  await test.step('the dialog tells what will happen, then shows each stage as it comes', async () => {
    await hand.click(hand.action(drill.open));
    const dialog = page.getByRole('dialog');
    await expect(dialog.getByText(drill.what('boreas'))).toBeVisible();
    await hand.click(dialog.getByRole('button', { name: drill.go, exact: true }));
    for (const stage of ['Take a point of the copy', 'Wait for its answer', 'Take everything down'])
      await expect(dialog.getByText(stage).first()).toBeVisible();
    await expect(dialog.getByText(drill.dialog.passed('mail'))).toBeVisible({ timeout: 60_000 });
    for (const stage of Object.values(drill.stages)) await expect(dialog.getByText(stage)).toBeVisible();
    await hand.click(dialog.getByRole('button', { name: orders.close, exact: true }).last());
  });

  await test.step('the page keeps the result', async () => {
    await expect(page.getByText(/^The copy on boreas was started .+, and it works\.$/)).toBeVisible();
    await expect(page.getByText(drill.stages.point)).toBeVisible();
  });

  await test.step('another check asks for another drill', async () => {
    const card = page.getByRole('region', { name: drill.title });
    await hand.click(card.getByRole('link', { name: drill.settings, exact: true }));
    const dialog = page.getByRole('dialog');
    await hand.click(dialog.getByRole('radio', { name: new RegExp(`^${drill.form.checks.http}`) }));
    await hand.type(dialog.getByRole('textbox', { name: drill.form.port }), '0');
    await expect(dialog.getByText(drill.form.portWrong)).toBeVisible();
    await hand.type(dialog.getByRole('textbox', { name: drill.form.port }), '443');
    await hand.click(dialog.getByRole('button', { name: drill.form.save, exact: true }));
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(page.getByText(drill.stale.changed)).toBeVisible();
  });
});
