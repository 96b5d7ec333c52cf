import { readFile } from 'node:fs/promises';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { map as mapWords } from '../../../src-renderer/lib/messages/map.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { expect, test } from '../fixtures.ts';
import { AutomationCard } from '../pages/automation.ts';
import { Frame } from '../pages/frame.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { WitnessWizard } from '../pages/witness.ts';
import { watchForTwoCopies } from '../running-twice.ts';

test('mail gets a witness, arms itself, and comes back without anybody', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const host = new HostPage(hand);
  const wizard = new WitnessWizard(hand);
  const mail = new PairPage(hand, 'mail');
  const card = new AutomationCard(hand);
  const frame = new Frame(hand);
  const twice = await watchForTwoCopies(page);

  await test.step('a pair without a witness says so, with the way to one', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.isPractice();
    await mail.open();
    await mail.shows(automation.says.manual);
    await card.chooseWitness();
  });

  await test.step('cora, the third host, is tested and made the witness; mail starts by itself', async () => {
    await wizard.choose('host', 'cora');
    await wizard.only('mail');
    await wizard.test();
    await wizard.set('cora');
    await wizard.makeAutomatic();
  });

  await test.step('it arms itself, and the picture says what that means', async () => {
    await map.open();
    await map.shows('mail', 'in sync armed', 'boreas', 60_000);
    await expect(
      page.getByText(/If atlas fails now, mail starts on boreas by itself after about 5 s\./),
    ).toBeVisible();
    await mail.open();
    await card.showsTheLeaseOf('atlas');
    for (const voter of ['atlas', 'boreas', 'cora']) await card.countsOn(voter);
  });

  await test.step('the one switch pauses it, and lets it go on', async () => {
    await hand.click(frame.automation);
    await frame.isPaused();
    await mail.shows('Automation is paused.');
    await hand.click(frame.automation);
    await frame.isOn();
    await map.open();
    await map.shows('mail', 'in sync armed', 'boreas', 60_000);
  });

  await test.step('atlas loses its power: boreas steps in, and nobody is asked', async () => {
    await map.openHost('atlas');
    await host.cutPower();
    await map.open();
    await map.shows('mail', /on stage since .+/, 'boreas');
    await map.says(/^atlas is down\. mail came back on boreas\.$/);
  });

  await test.step('atlas returns: both histories stand side by side', async () => {
    await map.openHost('atlas');
    await host.restorePower();
    await map.open();
    await map.shows('mail', 'old copy, set aside', 'atlas');
    await mail.open();
    await expect(mail.histories).toBeVisible();
    await expect(page.getByText(pairs.histories.agreed)).toBeVisible();
    await mail.shows(automation.changes.nth(1));
  });

  await test.step('the timeline tells it by every voter, and can be taken away', async () => {
    const saved = page.waitForEvent('download');
    await mail.exportHistory();
    const text = await readFile(await (await saved).path(), 'utf8');
    for (const voice of ['"atlas"', '"boreas"', '"cora"', '"this console"']) expect(text).toContain(voice);
    expect(text).toMatch(/take-?over/);
  });

  await test.step('atlas becomes the standby again, and the pair arms itself', async () => {
    await mail.openDialog('return');
    await mail.give(orders.return.go('atlas'), orders.return.done('atlas'));
    await mail.closeDialog();
    await map.open();
    await map.shows('mail', 'in sync armed', 'atlas', 60_000);
  });

  expect(await twice()).toEqual([]);
});

test('this workstation gives the third vote, and says what that is worth', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const wizard = new WitnessWizard(hand);
  await page.goto((await startConsole(['--practice'])).url);
  await map.isPractice();
  await page.goto(`${new URL(page.url()).origin}/#/witness`);
  await wizard.chooseWorkstation();
  await wizard.only('mail');
  await wizard.test();
  await expect(page.getByText(/votes only while it is awake/)).toBeVisible();
  await wizard.set('this workstation');
  await wizard.makeAutomatic();
  await map.open();
  await map.shows('mail', 'in sync armed', 'boreas', 60_000);
  await expect(map.vote('this workstation')).toContainText(mapWords.witnessVotes(1));
});
