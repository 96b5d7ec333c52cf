import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { verify } from '../../../src-renderer/lib/messages/verify.ts';
import { expect } from '../expect.ts';
import type { fleets } from '../fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { DialogBox } from '../pages/dialog.ts';
import { Frame } from '../pages/frame.ts';
import type { Hand } from '../pages/hand.ts';
import { HostPage } from '../pages/host.ts';
import { ObjectivesCard, ObjectivesPage } from '../pages/objectives.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { ModeFields, ReplicationCard } from '../pages/replication.ts';
import { SettingsPage } from '../pages/settings.ts';
import { TellingCard } from '../pages/telling.ts';
import { TimelinePanel } from '../pages/timeline.ts';
import { WitnessWizard } from '../pages/witness.ts';

interface Deps {
  hand: Hand;
  look(name: string): Promise<void>;
}

interface Visit extends Deps {
  open(place: string): Promise<void>;
}

/** fixtureFleet: the screens of the failover core, in states that last a moment or need a broken host. */
export async function takeAutomaticTour(deps: Deps): Promise<void> {
  await on('automatic', deps, visitArmed);
  await on('automatic', deps, visitTold);
  await on('stepping', deps, visitStepping);
  await on('unarmed', deps, visitUnarmed);
  await on('paused', deps, visitPaused);
  await on('troubles', deps, visitUnclaimed);
  await on('changed', deps, visitChanged);
}

async function on(
  name: keyof typeof fleets,
  deps: Deps,
  visit: (visit: Visit) => Promise<void>,
): Promise<void> {
  const fixture: FixtureFleet = await startFixtureFleet(name);
  const { page } = deps.hand;
  const open = async (place: string): Promise<void> => {
    await page.goto(`${fixture.url}${place}`);
    await page.reload();
    await expect(page.locator('h1').first()).toBeVisible();
  };
  try {
    await visit({ ...deps, open });
  } finally {
    await fixture.stop();
  }
}

/** What was told in the night, and what did not get through. */
async function visitTold({ hand, look, open }: Visit): Promise<void> {
  await open('#/settings');
  await expect(hand.page.getByText('shop is protected again', { exact: false }).first()).toBeVisible();
  await new TellingCard(hand).read();
  await look('settings-told');
}

async function visitChanged({ hand, look, open }: Visit): Promise<void> {
  await open('#/');
  await look('map-changed');
  for (const name of ['mail', 'shop', 'files']) {
    await open(`#/pairs/pair-${name}`);
    await new PairPage(hand, name).isThere();
    await look(`pair-changed-${name}`);
  }
}

async function visitArmed({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  const dialog = new DialogBox(hand);
  await open('#/');
  await expect(page.getByText(/start on boreas by themselves/)).toBeVisible();
  await look('map-armed');
  await open('#/list');
  await look('list-armed');
  await open('#/pairs/pair-mail');
  await expect(page.getByText(automation.changes.nth(3))).toBeVisible();
  await look('pair-armed');
  await open('#/pairs/pair-mail/automation');
  await dialog.isThere();
  await look('dialog-automation');
  await open('#/pairs/pair-mail/drill');
  await dialog.isThere();
  await look('dialog-drill');
  await open('#/pairs/pair-mail/drill-settings');
  await dialog.isThere();
  await look('dialog-drill-settings');
  await open('#/pairs/pair-mail/verify-settings');
  await dialog.isThere();
  await look('dialog-verify-settings');
  await open('#/pairs/pair-mail/mode');
  await new ModeFields(hand).tick('goOn');
  await look('dialog-mode');
  await open('#/pairs/pair-mail');
  await new ReplicationCard(hand).limit('atlas');
  await look('dialog-limits');
  await open('#/pairs/pair-mail/objectives');
  await dialog.isThere();
  await look('dialog-objectives');
  await open('#/objectives');
  await new ObjectivesPage(hand).isThere();
  await look('objectives');
  await open('#/pairs/pair-files');
  await page.getByText(/was not the same, and has been repaired/).scrollIntoViewIfNeeded();
  await look('pair-repaired');
  await open('#/pairs/pair-mail/maintenance');
  await dialog.isThere();
  await look('dialog-maintenance');
  await open('#/settings');
  await look('settings-automation');
  const maintenance = await new SettingsPage(hand).maintenance();
  await maintenance.begin();
  await expect(maintenance.alert).toBeVisible();
  await look('dialog-maintenance-partly');
  await open('#/hosts/pi');
  await look('host-witness');
  await open('#/hosts/boreas');
  await look('host-guard-weak');
  await visitWitness({ hand, look, open });
}

async function visitWitness({ hand, look, open }: Visit): Promise<void> {
  const wizard = new WitnessWizard(hand);
  await open('#/witness');
  await look('witness-own');
  await wizard.own('pi');
  await look('witness-which');
  await wizard.goOn();
  await look('witness-pairs');
  await wizard.test();
  await look('witness-test');
  await hand.click(wizard.testing('pi'));
  await expect(new Frame(hand).alert).toBeVisible();
  await look('witness-partly');
}

async function visitUnclaimed({ hand, look, open }: Visit): Promise<void> {
  const host = new HostPage(hand);
  await open('#/hosts/cora');
  await host.saysThatAPairIsLost();
  await look('host-unclaimed');
  const dialog = await host.letGo('crm', 'cora');
  await dialog.go();
  await expect(dialog.alert).toBeVisible();
  await look('dialog-let-go');
}

async function visitStepping({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  await open('#/');
  await expect(page.getByText(/boreas steps in in 2 s unless atlas is heard/)).toBeVisible();
  await look('map-stepping-in');
  await open('#/pairs/pair-mail');
  await look('pair-stepping-in');
  await open('#/pairs/pair-mail/failover');
  const mail = new PairPage(hand, 'mail');
  await mail.verdictIs('proven');
  await expect(mail.vouching).toHaveCount(0);
  await look('dialog-failover-proven');
}

async function visitUnarmed({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  await open('#/');
  await look('map-frozen');
  await open('#/pairs/pair-mail');
  await expect(page.getByText('pi has not answered since 14:02:03.')).toBeVisible();
  await look('pair-not-armed');
  await open('#/pairs/pair-files');
  await look('pair-manual');
  await open('#/pairs/pair-erp-db');
  await look('pair-in-maintenance');
  await open('#/pairs/pair-print');
  await expect(page.getByText(verify.banner('print', 'boreas'))).toBeVisible();
  await look('pair-differs');
  await page.getByText(/it is not the same\. It is not counted on/).scrollIntoViewIfNeeded();
  await look('card-differs');
  await expect(page.getByText(objectives.bannerSlow('print'))).toBeVisible();
  const risk = new ObjectivesCard(hand);
  await risk.openTable();
  await risk.scrollTo();
  await look('card-at-risk');
  await open('#/pairs/pair-voip');
  await look('pair-frozen');
  await open('#/pairs/pair-shop');
  await expect(new PairPage(hand, 'shop').histories).toBeVisible();
  await look('pair-two-histories');
  await new TimelinePanel(hand).openEvidence();
  await look('pair-timeline');
}

async function visitPaused({ hand, look, open }: Visit): Promise<void> {
  const frame = new Frame(hand);
  const wizard = new ProtectWizard(hand);
  await open('#/');
  await frame.isPaused();
  await look('map-paused');
  await open('#/pairs/pair-mail');
  await look('pair-paused');
  await hand.click(frame.automation);
  await expect(frame.log.getByText(/nothing was changed for/)).toBeVisible();
  await look('resume-partly');
  await open('#/protect');
  await hand.click(wizard.machine('crm'));
  await wizard.goOn();
  await wizard.asksWhatHappens('crm');
  await look('protect-automation');
  await wizard.judgeBy(protect.noWitness);
  await expect(hand.page.getByText(protect.automaticNeedsWitness)).toBeVisible();
  await look('protect-automation-without-witness');
}
