import { timetable } from '../../../src-renderer/lib/messages/timetable.ts';
import { verify } from '../../../src-renderer/lib/messages/verify.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';

test('the copy of mail is compared with it, with progress; the verdict stays, and the timetable can be changed', async ({
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(180_000);
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');
  const card = page.getByRole('region', { name: verify.title, exact: true });

  await test.step('the page says that nobody has compared it', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.says(/^2 of 7 machines are protected\.$/);
    await mail.open();
    await mail.shows(verify.says.never('boreas'));
  });

  await test.step('comparing shows its steps, and the card keeps the verdict', async () => {
    await hand.click(card.getByRole('button', { name: verify.go, exact: true }));
    await expect(page.getByText('Read both copies of mail and compare them')).toBeVisible();
    await expect(card.getByText(/^The copy on boreas was compared .+, and it is the same\.$/)).toBeVisible({
      timeout: 90_000,
    });
    await expect(card.getByText(verify.facts.compared, { exact: true })).toBeVisible();
  });

  await test.step('another time is kept', async () => {
    await hand.click(card.getByRole('link', { name: verify.settings, exact: true }));
    const dialog = page.getByRole('dialog');
    await hand.click(dialog.getByRole('radio', { name: timetable.every.never }));
    await hand.click(dialog.getByRole('button', { name: verify.form.save, exact: true }));
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(card.getByText(timetable.none)).toBeVisible();
  });
});
