import { drill } from '../../../src-renderer/lib/messages/drill.ts';
import { expect, test } from '../fixtures.ts';
import { DrillCard } from '../pages/drill.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';

test('the copy of mail is tried out, with live stages; the result stays, and a changed check makes it old', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');
  const card = new DrillCard(hand);

  await test.step('the page says that nobody has tried it out', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.isPractice();
    await mail.open();
    await mail.shows(drill.says.never('boreas'));
  });

  await test.step('the dialog tells what will happen, then shows each stage as it comes', async () => {
    const dialog = await card.open('mail');
    await expect(dialog.text(drill.what('boreas'))).toBeVisible();
    await dialog.start();
    for (const stage of ['Take a point of the copy', 'Wait for its answer', 'Take everything down'])
      await dialog.shows(stage);
    await dialog.hasPassed(60_000);
    for (const stage of Object.values(drill.stages)) await expect(dialog.text(stage)).toBeVisible();
    await dialog.close();
  });

  await test.step('the page keeps the result', async () => {
    await card.saysThatItWorks('boreas');
    await card.says(drill.stages.point);
  });

  await test.step('another check asks for another drill', async () => {
    const dialog = await card.settings('mail');
    await dialog.check('http');
    await dialog.port('0');
    await expect(dialog.text(drill.form.portWrong)).toBeVisible();
    await dialog.port('443');
    await dialog.save();
    await card.says(drill.stale.changed);
  });
});
