import { evacuation } from '../../../src-renderer/lib/messages/evacuation.ts';
import { expect, test } from '../fixtures.ts';
import type { EvacuationDialog } from '../pages/evacuation.ts';
import type { Hand } from '../pages/hand.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { watchForTwoCopies } from '../running-twice.ts';

const MACHINES = ['files', 'mail'];

/** Gives the order on atlas's page and waits for its end. `look` at the dialog before it is given. */
async function move(
  hand: Hand,
  kind: 'away' | 'home',
  look: (dialog: EvacuationDialog) => Promise<void> = async () => undefined,
): Promise<void> {
  const dialog = await new HostPage(hand).evacuate(kind, 'atlas');
  for (const name of MACHINES) await expect(dialog.machine(name)).toBeChecked();
  await look(dialog);
  await dialog.go(MACHINES.length);
  await dialog.allMoved(MACHINES.length, 90_000);
  await dialog.close();
}

test('atlas is emptied for planned work, and its machines come home', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const twice = await watchForTwoCopies(page);
  await page.goto((await startConsole(['--practice'])).url);
  await map.isPractice();

  await test.step('protect a second machine of atlas', async () => {
    await map.protect('files');
    await wizard.choose('files', 'boreas');
    await wizard.start();
    await wizard.done('files');
    await wizard.toMap();
  });

  await test.step('everything that has a copy elsewhere leaves, while it runs', async () => {
    await map.openHost('atlas');
    await move(hand, 'away', async (dialog) => {
      await expect(dialog.live).toHaveCount(MACHINES.length);
      await expect(dialog.text(evacuation.unprotected('erp-db'))).toBeVisible();
    });
    await map.open();
    for (const name of MACHINES) {
      await map.shows(name, /(?:runs here|on stage since .+)/, 'boreas');
      await map.shows(name, 'in sync', 'atlas', 60_000);
    }
    // Only the machines of atlas: its own copy of shop-web is where it was.
    await map.shows('shop-web', 'in sync', 'atlas');
  });

  await test.step('and comes home', async () => {
    await map.openHost('atlas');
    await move(hand, 'home');
    await map.open();
    for (const name of MACHINES) {
      await map.shows(name, /(?:runs here|on stage since .+)/, 'atlas');
      await map.shows(name, 'in sync', 'boreas', 60_000);
    }
  });

  expect(await twice()).toEqual([]);
});
