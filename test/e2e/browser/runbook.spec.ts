import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { readCommands } from '../../../src-main/core/testing/printed-commands.ts';
import { commands } from '../../../src-renderer/lib/messages/commands.ts';
import { manual as manualWords } from '../../../src-renderer/lib/messages/manual.ts';
import { manualText } from '../../../src-renderer/lib/messages/manual-text.ts';
import { palette } from '../../../src-renderer/lib/messages/palette.ts';
import { runbook as words } from '../../../src-renderer/lib/messages/runbook.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { axeFindings } from '../axe.ts';
import { expect, test } from '../fixtures.ts';
import { expectVisibleFocus, focused } from '../pages/keys.ts';
import { ManualPage } from '../pages/manual.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';

/** Where the pictures go when somebody wants to look at them. */
const PICTURES = process.env.RUNBOOK_PICTURES;

test.use({ contextOptions: { reducedMotion: 'reduce' }, trace: 'off' });

async function clean(page: Page, name: string): Promise<void> {
  expect(await axeFindings(page, name)).toEqual([]);
  if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png` });
}

/** Goes somewhere by keyboard alone. */
async function search(page: Page, text: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: palette.field }).fill(text);
  await page.keyboard.press('Enter');
}

test('the runbook: found, read, printed and saved; the shell command of an order; the manual', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');
  const manual = new ManualPage(hand);
  const paper = page.getByRole('article', { name: words.paper });

  await test.step('the palette finds it, and it has the commands of every machine', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.says(/^2 of 7 machines are protected\.$/);
    await search(page, 'pdf');
    await expect(page.getByRole('heading', { level: 1, name: words.title })).toBeVisible();
    await expect(page.getByText(words.practice)).toBeVisible();
    await expect(paper.getByText('systemctl stop understudy-storage.service').first()).toBeVisible();
    expect(await paper.locator('[data-pair]').count()).toBe(2);
    await clean(page, 'runbook');
  });

  await test.step('from the page of a machine it is of that machine', async () => {
    await map.open();
    await mail.open();
    await hand.click(page.getByRole('link', { name: words.byHand }));
    await expect(paper.locator('[data-pair]')).toHaveCount(1);
    await expect(paper.getByRole('heading', { level: 2, name: 'mail', exact: true })).toBeVisible();
    await expect(page.getByRole('combobox', { name: words.machine })).toHaveValue(/.+/);
  });

  await test.step('on paper there is the runbook and nothing else', async () => {
    await page.emulateMedia({ media: 'print' });
    await expect(page.getByRole('button', { name: words.print })).toBeHidden();
    await expect(page.getByRole('navigation', { name: shell.navigation })).toBeHidden();
    await expect(paper).toBeVisible();
    expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-');
    await page.emulateMedia({ media: 'screen' });
  });

  await test.step('the file stands by itself', async () => {
    const saving = page.waitForEvent('download');
    await hand.click(hand.button(words.save));
    const saved = await saving;
    const html = await readFile(await saved.path(), 'utf8');
    expect(readCommands(html).length).toBeGreaterThan(40);
    const alone = await page.context().newPage();
    await alone.setContent(html);
    await clean(alone, 'runbook-file');
    await alone.close();
  });

  await test.step('an order shows its shell command, as it stands now', async () => {
    await map.open();
    await mail.open();
    await mail.openDialog('switchover');
    const dialog = page.getByRole('dialog');
    await expect(dialog.getByRole('radio').first()).toBeVisible();
    await hand.click(dialog.getByText(commands.title));
    await hand.click(dialog.getByRole('radio').nth(1));
    await expect(dialog.getByText('understudy switchover mail --way cold', { exact: true })).toBeVisible();
    await expect(dialog.getByText('virsh shutdown mail')).toBeVisible();
    await clean(page, 'shell-command');
    await page.keyboard.press('Escape');
  });

  await test.step('the manual is found by what one would ask', async () => {
    await search(page, 'split brain');
    const topic = page.getByRole('heading', { level: 3, name: manualText.witness.title });
    await expect(topic).toBeInViewport();
    await expect(topic).toBeFocused();
    await clean(page, 'manual');
  });

  await test.step('each of its pictures comes as a file of its own, and can be seen large', async () => {
    expect(manual.pictures.length).toBeGreaterThan(5);
    for (const picture of manual.pictures) {
      const small = manual.image(picture);
      await manual.loaded(small);
      await expect(small).toHaveAttribute('src', /\.png$/);
      await manual.opener(picture).focus();
      await page.keyboard.press('Enter');
      const dialog = manual.dialog(picture);
      const large = manual.image(picture, dialog);
      await manual.loaded(large);
      const [was, is] = [await small.boundingBox(), await large.boundingBox()];
      expect(is?.width).toBeGreaterThan((was?.width ?? Number.NaN) * 1.3);
      if (picture === manual.pictures[0]) await clean(page, 'manual-picture');
      await page.keyboard.press('Escape');
      await expect(dialog).toBeHidden();
      expect(await focused(page)).toBe(manualWords.large(picture.caption));
      await expectVisibleFocus(page);
    }
  });

  await test.step('it can be opened by a click anywhere on it, and closed by its button', async () => {
    for (const picture of manual.pictures.slice(0, 1)) {
      await hand.click(manual.opener(picture));
      await hand.click(manual.dialog(picture).getByText(shell.close, { exact: true }));
      await expect(manual.dialog(picture)).toBeHidden();
    }
  });

  await test.step('at 200 % zoom no picture is cut off sideways', async () => {
    // What 1280 x 800 holds then.
    await page.setViewportSize({ width: 640, height: 400 });
    const spare = () =>
      page.evaluate(() => document.documentElement.clientWidth - document.documentElement.scrollWidth);
    for (const picture of manual.pictures) {
      const box = await manual.image(picture).boundingBox();
      expect(box?.x).toBeGreaterThanOrEqual(0);
      expect((box?.x ?? 0) + (box?.width ?? Number.NaN)).toBeLessThanOrEqual(640);
    }
    expect(await spare()).toBeGreaterThanOrEqual(0);
    for (const picture of manual.pictures.slice(0, 1)) {
      await manual.opener(picture).focus();
      await page.keyboard.press('Enter');
      const large = await manual.image(picture, manual.dialog(picture)).boundingBox();
      expect((large?.x ?? 0) + (large?.width ?? Number.NaN)).toBeLessThanOrEqual(640);
      await clean(page, 'manual-picture-zoomed');
      await page.keyboard.press('Escape');
    }
    await clean(page, 'manual-zoomed');
  });
});
