import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { expect, test } from '../fixtures.ts';
import { Frame } from '../pages/frame.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { TimelinePanel } from '../pages/timeline.ts';
import { WelcomePage } from '../pages/welcome.ts';
import { watchForTwoCopies } from '../running-twice.ts';

/** Of what console and agents wrote down, oldest first. */
const HISTORY = [
  'Protect files with a copy on boreas: ordered from atlas.',
  'files is in sync on boreas.',
  'Fail over files to boreas: ordered from boreas.',
  'files runs on boreas.',
  'files now belongs to boreas; the copy on atlas is set aside and starts nothing.',
  'Update the copy of files: ordered from boreas.',
  'The old disks of files are kept aside on atlas.',
  'files is in sync on atlas.',
  'Switch over files: ordered from boreas.',
  'files runs on atlas.',
  'files is in sync on boreas.',
];

test('the whole story on the practice fleet', async ({ hand, page, startConsole }) => {
  const map = new MapPage(hand);
  const host = new HostPage(hand);
  const wizard = new ProtectWizard(hand);
  const files = new PairPage(hand, 'files');
  const twice = await watchForTwoCopies(page);

  await test.step('explore a practice fleet', async () => {
    await page.goto((await startConsole()).url);
    await new WelcomePage(hand).practice();
    await map.isPractice();
    await expect(new Frame(hand).practice).toBeVisible();
    await map.shows('mail', 'in sync', 'boreas');
  });

  await test.step('protect files with its standby on boreas', async () => {
    await map.protect('files');
    await wizard.choose('files', 'boreas');
    await wizard.start();
    await wizard.done('files');
    await wizard.toMap();
    await map.shows('files', 'in sync', 'boreas');
  });

  await test.step('cut the power of atlas', async () => {
    await map.openHost('atlas');
    await host.cutPower();
    await map.open();
    await map.says(/^atlas does not answer\. files and mail are down with it\.$/);
    await map.shows('files', 'no answer', 'atlas');
    await map.shows('files', 'standby, can be started', 'boreas');
  });

  await test.step('fail over files', async () => {
    await map.failOver('files');
    await files.confirmFailover('boreas');
    await files.failoverDone('boreas');
    await files.closeDialog();
    await map.open();
    await map.shows('files', /on stage since .+/, 'boreas');
    await map.shows('files', 'was here', 'atlas');
  });

  await test.step('atlas comes back and starts nothing of it', async () => {
    await map.openHost('atlas');
    await host.restorePower();
    await map.open();
    await map.shows('files', 'old copy, set aside', 'atlas');
    await map.says(/^atlas is back\. Its old copy of files is set aside\.$/);
    // Nobody has taken mail over meanwhile: atlas has asked boreas and starts it again by itself.
    await map.shows('mail', 'runs here', 'atlas');
    await map.shows('mail', 'in sync', 'boreas');
  });

  await test.step('make atlas the standby again, and switch over', async () => {
    await files.open();
    await files.openDialog('return');
    await files.give(orders.return.go('atlas'), orders.return.done('atlas'));
    await files.closeDialog();
    await files.shows('in sync');
    await files.openDialog('switchover');
    await files.give(orders.switchover.go('atlas'), orders.switchover.done('files', 'atlas'));
    await files.closeDialog();
    await map.open();
    await map.shows('files', /runs here|on stage since .+/, 'atlas');
    await map.shows('files', 'in sync', 'boreas');
  });

  await test.step('the history tells it, in order', async () => {
    await files.open();
    const timeline = new TimelinePanel(hand);
    const told = async (): Promise<string[]> => (await timeline.entries()).reverse();
    // The picture shows a new state a moment before its entry in the history arrives.
    await expect.poll(async () => (await told()).filter((text) => HISTORY.includes(text))).toEqual(HISTORY);
    expect(await told()).toEqual(
      expect.arrayContaining([expect.stringMatching(/vouching that the old copy is stopped\.$/)]),
    );
  });

  expect(await twice()).toEqual([]);
});
