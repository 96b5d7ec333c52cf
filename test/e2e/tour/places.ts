import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { protect as words } from '../../../src-renderer/lib/messages/protect.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { telling as tellingWords } from '../../../src-renderer/lib/messages/telling.ts';
import { expect } from '../expect.ts';
import { ActivityPage } from '../pages/activity.ts';
import { ListPage } from '../pages/list.ts';
import { ManualPage } from '../pages/manual.ts';
import { Palette, ShortcutSheet } from '../pages/palette.ts';
import { ReplicationCard } from '../pages/replication.ts';
import { RunbookPage } from '../pages/runbook.ts';
import { SettingsPage } from '../pages/settings.ts';
import { TellingCard } from '../pages/telling.ts';
import { FAST, SLOW, type Tour } from './tour.ts';

/** The wizard *Protect a machine*, and what a copy looks like while it runs. */
export async function visitProtect(tour: Tour): Promise<void> {
  const { hand, look, protect, practice, map } = tour;
  await hand.place(shell.map);
  await look('map-nothing-protected');
  await map.protect('voip');
  await look('protect-choose');
  await protect.choose('voip', 'cora');
  await expect(hand.button(words.checkAgain)).toBeVisible();
  await look('protect-in-the-way');
  await protect.back();
  await look('protect-policy');
  await protect.back();
  await protect.choose('mail', 'boreas');
  await expect(protect.starting).toBeEnabled();
  await look('protect-plan');

  practice.world.pace.copyBps = SLOW;
  await protect.start();
  await protect.isCopying();
  await look('protect-copying');
  await visitCopying(tour);
  practice.world.pace.copyBps = FAST;
  await map.shows('mail', 'in sync', 'boreas');

  await map.protect('shop-web');
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
  await new ActivityPage(hand).open();
  await look('activity-running');
  await pair('mail').open();
  await look('pair-copying');
  await map.open();
}

async function visitManual({ hand, look }: Pick<Tour, 'hand' | 'look'>): Promise<void> {
  const { page } = hand;
  const guide = new ManualPage(hand);
  await new SettingsPage(hand).openManual();
  await guide.isThere();
  await look('manual');
  for (const picture of guide.pictures.slice(0, 1)) {
    await hand.click(guide.opener(picture));
    await guide.loaded(guide.image(picture, guide.dialog(picture)));
    await look('dialog-manual-picture');
    await page.keyboard.press('Escape');
  }
}

/** Every place when all is well. */
export async function visitPlaces(tour: Tour): Promise<void> {
  const { hand, look, map } = tour;
  const { page } = hand;
  await map.open();
  await map.shows('shop-web', 'in sync', 'atlas');
  await look('map');
  await new ListPage(hand).open();
  await look('list');
  const activity = new ActivityPage(hand);
  await activity.open();
  await activity.tells('shop-web is in sync on atlas.');
  await look('activity');
  const settings = new SettingsPage(hand);
  await settings.open();
  await look('settings');
  const reading = await settings.readFile();
  await look('dialog-read-settings');
  await reading.escape();
  const diagnostics = await settings.gatherDiagnostics();
  await diagnostics.isGathered();
  await look('dialog-diagnostics');
  await diagnostics.escape();
  const sheet = new ShortcutSheet(page);
  await sheet.open();
  await look('dialog-shortcuts');
  await sheet.close();
  await new Palette(page).find('mail');
  await look('palette');
  await page.keyboard.press('Escape');
  const telling = new TellingCard(hand);
  for (const name of [tellingWords.mail, tellingWords.hook, tellingWords.quiet]) await telling.switch(name);
  await look('settings-telling');
  await visitManual({ hand, look });
  await hand.place(shell.settings);
  await settings.openRunbook();
  await new RunbookPage(hand).isThere();
  await look('runbook');

  await visitHost(tour);
  await visitPair(tour);
}

async function visitHost({ look, map, host }: Tour): Promise<void> {
  await map.open();
  await map.openHost('atlas');
  await look('host');
  const renaming = await host.openRename('atlas');
  await look('dialog-rename-host');
  await renaming.escape();
  const leaving = await host.evacuate('away', 'atlas');
  await expect(leaving.machine('mail')).toBeVisible();
  await look('dialog-move-away');
  await leaving.escape();
  await map.open();
  await map.openHost('cora');
  const removing = await host.openRemove('cora');
  await look('dialog-remove-host');
  await removing.escape();
}

async function visitPair({ hand, look, pair }: Tour): Promise<void> {
  const { page } = hand;
  const mail = pair('mail');
  await mail.open();
  await look('pair');
  await mail.openDialog('switchover');
  await expect(mail.dialog.box.getByRole('radio').first()).toBeVisible();
  await look('dialog-switchover');
  await mail.dialog.escape();
  await mail.openDialog('end');
  await look('dialog-end-protection');
  await mail.dialog.escape();
  const mode = await new ReplicationCard(hand).change('mail');
  await mode.fields.keep('interval');
  await look('dialog-how-kept');
  await mode.escape();
  // By its address: the button says why it does nothing.
  await page.goto(`${page.url()}/failover`);
  await mail.verdictIs('running');
  await look('dialog-failover-refused');
  await mail.dialog.escape();
}
