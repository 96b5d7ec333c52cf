import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { limits } from '../../../src-renderer/lib/messages/limits.ts';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { telling } from '../../../src-renderer/lib/messages/telling.ts';
import { verify } from '../../../src-renderer/lib/messages/verify.ts';
import { witness } from '../../../src-renderer/lib/messages/witness.ts';
import { expect } from '../expect.ts';
import type { fleets } from '../fixture/fleets.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import type { Hand } from '../pages/hand.ts';

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
  await hand.click(hand.page.getByText(telling.read).first());
  await look('settings-told');
}

async function visitChanged({ hand, look, open }: Visit): Promise<void> {
  await open('#/');
  await look('map-changed');
  for (const name of ['mail', 'shop', 'files']) {
    await open(`#/pairs/pair-${name}`);
    await expect(hand.page.getByRole('heading', { level: 1, name })).toBeVisible();
    await look(`pair-changed-${name}`);
  }
}

async function visitArmed({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  await open('#/');
  await expect(page.getByText(/start on boreas by themselves/)).toBeVisible();
  await look('map-armed');
  await open('#/list');
  await look('list-armed');
  await open('#/pairs/pair-mail');
  await expect(page.getByText(automation.changes.nth(3))).toBeVisible();
  await look('pair-armed');
  await open('#/pairs/pair-mail/automation');
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-automation');
  await open('#/pairs/pair-mail/drill');
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-drill');
  await open('#/pairs/pair-mail/drill-settings');
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-drill-settings');
  await open('#/pairs/pair-mail/verify-settings');
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-verify-settings');
  await open('#/pairs/pair-mail/mode');
  await hand.click(page.getByRole('checkbox', { name: replication.goOn }));
  await look('dialog-mode');
  await open('#/pairs/pair-mail');
  await hand.click(page.getByRole('button', { name: limits.change, exact: true }));
  await look('dialog-limits');
  await open('#/pairs/pair-mail/objectives');
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-objectives');
  await open('#/objectives');
  await expect(page.getByRole('table')).toBeVisible();
  await look('objectives');
  await open('#/pairs/pair-files');
  await page.getByText(/was not the same, and has been repaired/).scrollIntoViewIfNeeded();
  await look('pair-repaired');
  await open('#/pairs/pair-mail/maintenance');
  await expect(page.getByRole('dialog')).toBeVisible();
  await look('dialog-maintenance');
  await open('#/settings');
  await look('settings-automation');
  await hand.click(hand.button(automation.maintenance.start));
  await hand.click(hand.button(automation.maintenance.go));
  await expect(page.getByRole('alert')).toBeVisible();
  await look('dialog-maintenance-partly');
  await open('#/hosts/pi');
  await look('host-witness');
  await open('#/hosts/boreas');
  await look('host-guard-weak');
  await visitWitness({ hand, look, open });
}

async function visitWitness({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  await open('#/witness');
  await look('witness-own');
  await hand.click(page.getByRole('radio', { name: new RegExp(`^${witness.kinds.pi}`) }));
  await hand.click(hand.button(shell.next));
  await look('witness-which');
  await hand.click(hand.button(shell.next));
  await look('witness-pairs');
  await hand.click(hand.button(shell.next));
  await expect(page.getByText(witness.test.happens)).toBeVisible();
  await look('witness-test');
  await hand.click(hand.button(witness.test.go('pi')));
  await expect(page.getByRole('alert')).toBeVisible();
  await look('witness-partly');
}

async function visitUnclaimed({ hand, look, open }: Visit): Promise<void> {
  const { page } = hand;
  const words = hosts.guard.letGo;
  await open('#/hosts/cora');
  await expect(page.getByText(/lost what it knew of its pair/)).toBeVisible();
  await look('host-unclaimed');
  await hand.click(hand.button(words.open('crm')));
  await hand.click(hand.button(words.go('crm')));
  await expect(page.getByRole('dialog').getByRole('alert')).toBeVisible();
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
  await expect(page.getByText(orders.failover.verdict.proven, { exact: true })).toBeVisible();
  await expect(page.getByLabel(orders.failover.type('mail'))).toHaveCount(0);
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
  await hand.click(page.getByText(objectives.table, { exact: true }));
  await page.getByRole('heading', { name: objectives.title }).scrollIntoViewIfNeeded();
  await look('card-at-risk');
  await open('#/pairs/pair-voip');
  await look('pair-frozen');
  await open('#/pairs/pair-shop');
  await expect(page.getByRole('heading', { name: pairs.histories.title })).toBeVisible();
  await look('pair-two-histories');
  await hand.click(page.getByText('Evidence').first());
  await page.getByText('Evidence').first().scrollIntoViewIfNeeded();
  await look('pair-timeline');
}

async function visitPaused({ hand, look, open }: Visit): Promise<void> {
  await open('#/');
  await expect(hand.page.getByRole('switch')).toHaveAttribute('aria-checked', 'false');
  await look('map-paused');
  await open('#/pairs/pair-mail');
  await look('pair-paused');
  await hand.click(hand.page.getByRole('switch'));
  await expect(hand.page.getByRole('log').getByText(/nothing was changed for/)).toBeVisible();
  await look('resume-partly');
  await open('#/protect');
  await hand.click(hand.page.getByRole('radio', { name: /^crm/ }));
  await hand.click(hand.button(shell.next));
  await expect(hand.page.getByRole('heading', { name: protect.policyTitle('crm') })).toBeVisible();
  await look('protect-automation');
  await hand.page.getByLabel(protect.witness).selectOption(protect.noWitness);
  await expect(hand.page.getByText(protect.automaticNeedsWitness)).toBeVisible();
  await look('protect-automation-without-witness');
}
