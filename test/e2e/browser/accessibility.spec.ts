import { map as mapWords } from '../../../src-renderer/lib/messages/map.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { protect as protectWords } from '../../../src-renderer/lib/messages/protect.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { axeFindings, type Finding } from '../axe.ts';
import { expect, test } from '../fixtures.ts';
import { DialogBox } from '../pages/dialog.ts';
import { Hand } from '../pages/hand.ts';
import { expectVisibleFocus, focused, tabTo, tabToRadio } from '../pages/keys.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ProtectWizard } from '../pages/protect.ts';
import { takeAutomaticTour } from '../tour/automatic.ts';
import { takeMapTour } from '../tour/map.ts';
import { takeTour } from '../tour/tour.ts';

// No trace: axe's own source would be in it a hundred times.
test.use({ contextOptions: { reducedMotion: 'reduce' }, trace: 'off' });

test('axe finds nothing on any screen or dialog, light and dark', async ({
  hand,
  home,
  page,
  startConsole,
}) => {
  const found: Finding[] = [];
  let screens = 0;
  await takeTour({
    hand,
    home,
    startConsole,
    async look(name) {
      screens += 1;
      found.push(...(await axeFindings(page, name)));
    },
  });
  expect(found).toEqual([]);
  expect(screens).toBeGreaterThan(50);
});

test('axe finds nothing on the screens of the failover core, light and dark', async ({ page }) => {
  const found: Finding[] = [];
  let screens = 0;
  await takeAutomaticTour({
    hand: new Hand(page),
    async look(name) {
      screens += 1;
      found.push(...(await axeFindings(page, name)));
    },
  });
  expect(found).toEqual([]);
  expect(screens).toBeGreaterThan(25);
});

test('axe finds nothing on the map of any size, the list and what if, light and dark', async ({ page }) => {
  const found: Finding[] = [];
  let screens = 0;
  await takeMapTour({
    hand: new Hand(page),
    async look(name) {
      screens += 1;
      found.push(...(await axeFindings(page, name)));
    },
  });
  expect(found).toEqual([]);
  expect(screens).toBeGreaterThan(14);
});

test('axe is at work under the strict policy: it finds what is put in its way', async ({
  page,
  startConsole,
}) => {
  await page.goto((await startConsole()).url);
  await page.evaluate(() => document.body.append(document.createElement('img')));
  const found = await axeFindings(page, 'first-run');
  expect(found.map(({ rule }) => rule)).toContain('image-alt');
});

test('by keyboard alone: protect a machine, open and close dialogs; the title tells the state', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const wizard = new ProtectWizard(hand);
  const mail = new PairPage(hand, 'mail');
  await page.goto((await startConsole(['--practice'])).url);
  await map.isPractice();
  await expect(page).toHaveTitle(shell.title('2 of 7 machines are protected.'));

  await test.step('protect print', async () => {
    await tabTo(page, mapWords.headline.protectOne);
    await page.keyboard.press('Enter');
    const machine = wizard.machine('print');
    while (!(await machine.isChecked())) {
      await tabToRadio(page, protectWords.machine);
      await page.keyboard.press('ArrowDown');
    }
    await expectVisibleFocus(page);
    await tabToRadio(page, protectWords.standby);
    await page.keyboard.press('Space');
    await expect(wizard.standby('atlas')).toBeChecked();
    await tabTo(page, shell.next);
    await page.keyboard.press('Enter');
    await wizard.asksWhatHappens('print');
    await tabTo(page, shell.next);
    await page.keyboard.press('Enter');
    await expect(wizard.starting).toBeEnabled();
    await tabTo(page, protectWords.start);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: protectWords.done('print') })).toBeVisible();
    await tabTo(page, protectWords.map);
    await page.keyboard.press('Enter');
    await map.shows('print', 'in sync', /.+/.source);
  });

  await test.step('open the switchover dialog, and leave it: the focus comes back', async () => {
    await map.chip(/^mail\b.*runs here/).focus();
    await page.keyboard.press('Enter');
    await tabTo(page, pairs.actions.switchover);
    await page.keyboard.press('Enter');
    const dialog = new DialogBox(hand, orders.switchover.title('mail'));
    await dialog.isThere();
    expect(await focused(page)).toBe(shell.cancel);
    await dialog.escape();
    expect(await focused(page)).toBe(pairs.actions.switchover);
    await expectVisibleFocus(page);
  });

  await test.step('the same with the failover dialog, on a lost host', async () => {
    await map.open();
    await map.openHost('atlas');
    await tabTo(page, /^Cut the power of/);
    await page.keyboard.press('Enter');
    await hand.place(shell.map);
    await map.says(/^atlas does not answer\./);
    await expect(page).toHaveTitle(/^atlas does not answer\..* · Understudy$/);
    await map.chip(/^mail\b.*on boreas$/).focus();
    await page.keyboard.press('Enter');
    await tabTo(page, pairs.actions.failover);
    await page.keyboard.press('Enter');
    const dialog = new DialogBox(hand, orders.failover.title('mail'));
    await dialog.isThere();
    await mail.verdictIs('unproven');
    await tabTo(page, shell.cancel);
    await page.keyboard.press('Enter');
    await dialog.isGone();
    expect(await focused(page)).toBe(pairs.actions.failover);
  });

  await test.step('forced colours and reduced motion', async () => {
    await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
    await map.open();
    const moving = await page.evaluate(
      () => document.getAnimations().filter((animation) => animation.playState === 'running').length,
    );
    expect(moving).toBe(0);
  });
});
