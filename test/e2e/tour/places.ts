import { diagnostics } from '../../../src-renderer/lib/messages/diagnostics.ts';
import { evacuation } from '../../../src-renderer/lib/messages/evacuation.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { manual } from '../../../src-renderer/lib/messages/manual.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { protect as words } from '../../../src-renderer/lib/messages/protect.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { telling as tellingWords } from '../../../src-renderer/lib/messages/telling.ts';
import { transfer } from '../../../src-renderer/lib/messages/transfer.ts';
import { expect } from '../expect.ts';
import { ManualPage } from '../pages/manual.ts';
import { FAST, SLOW, type Tour } from './tour.ts';

/** The wizard *Protect a machine*, and what a copy looks like while it runs. */
export async function visitProtect(tour: Tour): Promise<void> {
  const { hand, look, protect, practice, map } = tour;
  await hand.place(shell.map);
  await look('map-nothing-protected');
  await hand.click(hand.page.getByRole('link', { name: 'Protect voip' }));
  await look('protect-choose');
  await protect.choose('voip', 'cora');
  await expect(hand.button(words.checkAgain)).toBeVisible();
  await look('protect-in-the-way');
  await hand.click(hand.button(shell.back));
  await look('protect-policy');
  await hand.click(hand.button(shell.back));
  await protect.choose('mail', 'boreas');
  await expect(hand.button(words.start)).toBeEnabled();
  await look('protect-plan');

  practice.world.pace.copyBps = SLOW;
  await protect.start();
  await expect(hand.page.getByRole('progressbar')).toBeVisible();
  await look('protect-copying');
  await visitCopying(tour);
  practice.world.pace.copyBps = FAST;
  await map.shows('mail', 'in sync', 'boreas');

  await hand.click(hand.page.getByRole('link', { name: 'Protect shop-web' }));
  await protect.choose('shop-web', 'atlas');
  await protect.start();
  await protect.done('shop-web');
  await look('protect-done');
}

async function visitCopying({ hand, look, map, pair }: Tour): Promise<void> {
  await hand.click(hand.button(orders.cancel));
  await look('dialog-stop-copy');
  await hand.click(hand.button(orders.cancelKeep));
  await map.open();
  await map.shows('mail', /first copy \d+ %/, 'boreas');
  await look('map-copying');
  await hand.place(shell.activity);
  await look('activity-running');
  await pair('mail').open();
  await look('pair-copying');
  await map.open();
}

async function visitManual({ hand, look }: Pick<Tour, 'hand' | 'look'>): Promise<void> {
  const { page } = hand;
  const guide = new ManualPage(hand);
  await hand.click(page.getByRole('link', { name: manual.open, exact: true }));
  await expect(page.getByRole('heading', { level: 1, name: manual.title, exact: true })).toBeVisible();
  await look('manual');
  for (const picture of guide.pictures.slice(0, 1)) {
    await hand.click(guide.opener(picture));
    await guide.loaded(guide.image(picture, guide.dialog(picture)));
    await look('dialog-manual-picture');
    await page.keyboard.press('Escape');
  }
}

/** Every place when all is well. */
export async function visitPlaces({ hand, look, map, pair }: Tour): Promise<void> {
  const { page } = hand;
  await map.open();
  await map.shows('shop-web', 'in sync', 'atlas');
  await look('map');
  await hand.place(shell.list);
  await look('list');
  await hand.place(shell.activity);
  await expect(page.getByText('shop-web is in sync on atlas.')).toBeVisible();
  await look('activity');
  await hand.place(shell.settings);
  await look('settings');
  await hand.click(hand.button(transfer.import));
  await look('dialog-read-settings');
  await page.keyboard.press('Escape');
  await hand.click(hand.button(diagnostics.open));
  await expect(page.getByText(diagnostics.parts.fleet)).toBeVisible();
  await look('dialog-diagnostics');
  await page.keyboard.press('Escape');
  await page.keyboard.press('F1');
  await look('dialog-shortcuts');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByRole('combobox').fill('mail');
  await look('palette');
  await page.keyboard.press('Escape');
  const telling = page.getByRole('region', { name: tellingWords.title });
  for (const name of [tellingWords.mail, tellingWords.hook, tellingWords.quiet])
    await hand.click(telling.getByRole('checkbox', { name, exact: true }));
  await look('settings-telling');
  await visitManual({ hand, look });
  await hand.place(shell.settings);
  await hand.click(page.getByRole('link', { name: runbook.open, exact: true }));
  await expect(page.getByRole('article', { name: runbook.paper })).toBeVisible();
  await look('runbook');

  await map.open();
  await map.openHost('atlas');
  await look('host');
  await hand.click(hand.button(hosts.rename));
  await look('dialog-rename-host');
  await page.keyboard.press('Escape');
  await hand.click(hand.button(evacuation.away.button));
  await expect(page.getByRole('dialog').getByRole('checkbox').first()).toBeVisible();
  await look('dialog-move-away');
  await page.keyboard.press('Escape');
  await map.open();
  await map.openHost('cora');
  await hand.click(hand.button(hosts.remove));
  await look('dialog-remove-host');
  await page.keyboard.press('Escape');

  await pair('mail').open();
  await look('pair');
  await pair('mail').openDialog('switchover');
  await expect(page.getByRole('dialog').getByRole('radio').first()).toBeVisible();
  await look('dialog-switchover');
  await page.keyboard.press('Escape');
  await pair('mail').openDialog('end');
  await look('dialog-end-protection');
  await page.keyboard.press('Escape');
  await hand.click(
    page
      .getByRole('region', { name: replication.title })
      .getByRole('link', { name: replication.change, exact: true }),
  );
  await hand.click(page.getByRole('radio', { name: new RegExp(`^${replication.kinds.interval}`) }));
  await look('dialog-how-kept');
  await page.keyboard.press('Escape');
  // By its address: the button says why it does nothing.
  await page.goto(`${page.url()}/failover`);
  await expect(page.getByText(orders.failover.verdict.running)).toBeVisible();
  await look('dialog-failover-refused');
  await page.keyboard.press('Escape');
}
