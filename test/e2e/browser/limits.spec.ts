import { limits } from '../../../src-renderer/lib/messages/limits.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { ModeFields, ReplicationCard } from '../pages/replication.ts';
import { WelcomePage } from '../pages/welcome.ts';

test('a mirror in memory that rather goes on than waits, and a limit by timetable: chosen with their cost, and shown', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const fields = new ModeFields(hand);
  const files = new PairPage(hand, 'files');
  const card = new ReplicationCard(hand);

  await test.step('the wizard says what each option risks', async () => {
    await page.goto((await startConsole()).url);
    await new WelcomePage(hand).practice();
    await map.isPractice();
    await map.protect('files');
    await wizard.standOn('boreas');
    await fields.tick('memory');
    await fields.says(replication.atRisk.memory);
    await fields.tick('goOn');
    await fields.enter('goOnMs', '20');
    await fields.says(/between 100 ms and 15 s/);
    await expect(wizard.next).toBeDisabled();
    await fields.enter('goOnMs', '500');
    await fields.says(replication.atRisk.goOn(500));
    await wizard.goOn();
  });

  await test.step('the plan says how fast it is copied, and that can be changed there', async () => {
    await expect(page.getByText(limits.now('atlas', null))).toBeVisible();
    const dialog = await wizard.limit('atlas');
    await dialog.rate('5000');
    await dialog.otherHours();
    await dialog.rateInThem('6000');
    await dialog.save();
    await expect(page.getByText(limits.also(limits.hours(8, 18), limits.workdays, 6000))).toBeVisible();
    await wizard.start();
    await wizard.done('files');
    await wizard.toMap();
  });

  await test.step('its page says what is in force', async () => {
    await files.open();
    await card.says(replication.summary.goOn(500));
    await card.says(limits.otherwise(5000));
    const dialog = await card.limit('atlas');
    await dialog.rate('');
    await dialog.otherHours();
    await dialog.save();
    await card.says(limits.now('atlas', null));
  });
});
