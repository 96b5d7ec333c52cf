import { timetable } from '../../../src-renderer/lib/messages/timetable.ts';
import { verify } from '../../../src-renderer/lib/messages/verify.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { VerifyCard } from '../pages/verify.ts';

test('the copy of mail is compared with it, with progress; the verdict stays, and the timetable can be changed', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');
  const card = new VerifyCard(hand);

  await test.step('the page says that nobody has compared it', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.isPractice();
    await mail.open();
    await mail.shows(verify.says.never('boreas'));
  });

  await test.step('comparing shows its steps, and the card keeps the verdict', async () => {
    await card.compare();
    await expect(page.getByText('Read both copies of mail and compare them')).toBeVisible();
    await card.saysThatTheyAreAlike('boreas', 90_000);
    await card.tells('compared');
  });

  await test.step('another time is kept', async () => {
    const dialog = await card.settings('mail');
    await dialog.every('never');
    await dialog.save();
    await card.says(timetable.none);
  });
});
