import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { expect, test } from '../fixtures.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { ModeFields, ReplicationCard } from '../pages/replication.ts';
import { WelcomePage } from '../pages/welcome.ts';

/** Where the pictures go when somebody wants to look at them. */
const PICTURES = process.env.MODES_PICTURES;
const PROGRAM = '/usr/local/sbin/replica';

test('copies that others keep: shared storage and a replication, chosen with what they mean, refused where they are not', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const fields = new ModeFields(hand);
  const card = new ReplicationCard(hand);
  const { external, shared } = replication;
  const picture = async (name: string): Promise<void> => {
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  };
  const choose = async (machine: string, kind: 'shared' | 'external'): Promise<void> => {
    await map.open();
    await map.protect(machine);
    await wizard.standOn('atlas');
    await fields.keep(kind);
  };

  await test.step('a machine whose disks only look the same elsewhere is refused', async () => {
    await page.goto((await startConsole()).url);
    await new WelcomePage(hand).practice();
    await map.isPractice();
    await choose('print', 'shared');
    await fields.says(shared.single);
    await wizard.goOn();
    await expect(page.getByText(/^atlas has no .*print/).first()).toBeVisible({ timeout: 30_000 });
    await expect(wizard.starting).toBeDisabled();
    await picture('refused');
  });

  await test.step('shared storage: nothing is copied, and it can start by itself', async () => {
    await choose('voip', 'shared');
    await wizard.letItStartByItself();
    await fields.says(shared.locks);
    await picture('shared');
    await wizard.goOn();
    await expect(page.getByText(shared.planned('atlas'))).toBeVisible({ timeout: 30_000 });
    await hand.click(wizard.starting);
    await wizard.done('voip');
    await expect(page.getByText(protect.doneOthers('voip', 'atlas'))).toBeVisible();
    const voip = new PairPage(hand, 'voip');
    await map.open();
    await voip.open();
    await voip.shows(pairs.state.inSync);
    await card.says(shared.summary);
    await card.says('atlas reaches the same files');
    await picture('shared-pair');
  });

  await test.step('a replication of others: what is entered wrong is said at its field', async () => {
    await choose('dc01', 'external');
    await expect(wizard.next).toBeDisabled();
    await fields.enter('state', 'replica state');
    await fields.says(/does not begin with the full path/);
    await fields.enter('state', `${PROGRAM} state`);
    await fields.enter('promote', `${PROGRAM} promote --password=x`);
    await fields.says(/seems to carry a secret/);
    await fields.enter('promote', '/usr/local/sbin/other promote');
    await picture('external');
    await wizard.goOn();
    await expect(page.getByText('There is no /usr/local/sbin/other on atlas.')).toBeVisible({
      timeout: 30_000,
    });
    await wizard.back();
    await fields.enter('promote', `${PROGRAM} promote`);
    await fields.enter('demote', `${PROGRAM} demote`);
    await fields.tick('synchronous');
    await fields.says(external.word);
    await wizard.goOn();
    await expect(page.getByText(external.planned)).toBeVisible({ timeout: 30_000 });
    await hand.click(wizard.starting);
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
