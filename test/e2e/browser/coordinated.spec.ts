import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';

/** Where the pictures go when somebody wants to look at them. */
const PICTURES = process.env.MODES_PICTURES;
const PROGRAM = '/usr/local/sbin/replica';

test('copies that others keep: shared storage and a replication, chosen with what they mean, refused where they are not', async ({
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(300_000);
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const { external, shared } = replication;
  const picture = async (name: string): Promise<void> => {
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  };
  const choose = async (machine: string, kind: 'shared' | 'external'): Promise<void> => {
    await map.open();
    await hand.click(page.getByRole('link', { name: `Protect ${machine}` }));
    await hand.click(page.getByRole('radio', { name: /^atlas\b/ }));
    await hand.click(hand.button(shell.next));
    await hand.click(page.getByRole('radio', { name: new RegExp(`^${replication.kinds[kind]}`) }));
  };

  await test.step('a machine whose disks only look the same elsewhere is refused', async () => {
    await page.goto((await startConsole()).url);
    await hand.click(hand.button(welcome.practice));
    await map.says(/^2 of 7 machines are protected\.$/);
    await choose('print', 'shared');
    await expect(page.getByText(shared.single)).toBeVisible();
    await hand.click(hand.button(shell.next));
    await expect(page.getByText(/^atlas has no .*print/).first()).toBeVisible({ timeout: 30_000 });
    await expect(hand.button(protect.start)).toBeDisabled();
    await picture('refused');
  });

  await test.step('shared storage: nothing is copied, and it can start by itself', async () => {
    await choose('voip', 'shared');
    await hand.click(page.getByRole('radio', { name: new RegExp(`^${automation.policy.automatic}`) }));
    await expect(page.getByText(shared.locks)).toBeVisible();
    await picture('shared');
    await hand.click(hand.button(shell.next));
    await expect(page.getByText(shared.planned('atlas'))).toBeVisible({ timeout: 30_000 });
    await hand.click(hand.button(protect.start));
    await wizard.done('voip');
    await expect(page.getByText(protect.doneOthers('voip', 'atlas'))).toBeVisible();
    const voip = new PairPage(hand, 'voip');
    await map.open();
    await voip.open();
    await voip.shows(pairs.state.inSync);
    const card = page.getByRole('region', { name: replication.title });
    await expect(card.getByText(shared.summary)).toBeVisible();
    await expect(card.getByText('atlas reaches the same files')).toBeVisible();
    await picture('shared-pair');
  });

  await test.step('a replication of others: what is entered wrong is said at its field', async () => {
    await choose('dc01', 'external');
    await expect(hand.button(shell.next)).toBeDisabled();
    await hand.type(hand.field(external.state), 'replica state');
    await expect(page.getByText(/does not begin with the full path/)).toBeVisible();
    await hand.type(hand.field(external.state), `${PROGRAM} state`);
    await hand.type(hand.field(external.promote), `${PROGRAM} promote --password=x`);
    await expect(page.getByText(/seems to carry a secret/)).toBeVisible();
    await hand.type(hand.field(external.promote), '/usr/local/sbin/other promote');
    await picture('external');
    await hand.click(hand.button(shell.next));
    await expect(page.getByText('There is no /usr/local/sbin/other on atlas.')).toBeVisible({
      timeout: 30_000,
    });
    await hand.click(hand.button(shell.back));
    await hand.type(hand.field(external.promote), `${PROGRAM} promote`);
    await hand.type(hand.field(external.demote), `${PROGRAM} demote`);
    await hand.click(page.getByRole('checkbox', { name: external.synchronous }));
    await expect(page.getByText(external.word)).toBeVisible();
    await hand.click(hand.button(shell.next));
    await expect(page.getByText(external.planned)).toBeVisible({ timeout: 30_000 });
    await hand.click(hand.button(protect.start));
    await wizard.done('dc01');
  });

  await test.step('it changes sides with a shutdown, by demote and promote', async () => {
    const dc01 = new PairPage(hand, 'dc01');
    await map.open();
    await dc01.open();
    await dc01.shows(pairs.state.inSync);
    await picture('external-pair');
    await dc01.openDialog('switchover');
    await dc01.give(orders.switchover.go('atlas'), orders.switchover.done('dc01', 'atlas'));
    await dc01.closeDialog();
    await map.open();
    await map.shows('dc01', /runs here|on stage since .+/, 'atlas');
  });
});
