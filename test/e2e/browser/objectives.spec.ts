import { readFile } from 'node:fs/promises';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect, test } from '../fixtures.ts';
import { HostPage } from '../pages/host.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';

/** Where the pictures go when somebody wants to look at them. */
const PICTURES = process.env.OBJECTIVES_PICTURES;

test.use({ contextOptions: { reducedMotion: 'reduce' } });

async function clean(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
    const found = violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target.join(' '))]);
    expect({ name, colorScheme, found }).toEqual({ name, colorScheme, found: [] });
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}-${colorScheme}.png`, fullPage: true });
  }
}

test('what a failure would cost: shown, given a target, missed while the standby is gone, and kept for the auditor', async ({
  hand,
  page,
  startConsole,
}) => {
  test.setTimeout(300_000);
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');
  const card = page.getByRole('region', { name: objectives.title, exact: true });

  await test.step('in sync nothing is at risk', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.says(/^2 of 7 machines are protected\.$/);
    await mail.open();
    await expect(card.getByText(objectives.nothing, { exact: true })).toBeVisible();
    await expect(card.getByText(objectives.never)).toBeVisible();
  });

  await test.step('a target is checked as it is entered, and kept', async () => {
    await hand.click(card.getByRole('link', { name: objectives.settings, exact: true }));
    const dialog = page.getByRole('dialog');
    await hand.type(dialog.getByLabel(objectives.rpo), 'soon');
    await expect(dialog.getByText(objectives.dialog.wrong)).toBeVisible();
    await clean(page, 'dialog');
    await hand.type(dialog.getByLabel(objectives.rpo), '2 s');
    await hand.type(dialog.getByLabel(objectives.rto), '1 min');
    await expect(dialog.getByText(objectives.dialog.wrong)).toBeHidden();
    await hand.click(dialog.getByRole('button', { name: objectives.dialog.save, exact: true }));
    await expect(dialog).toBeHidden();
    await expect(card.getByText(objectives.standing.met, { exact: true })).toBeVisible();
    await expect(card.getByText(objectives.standing.unmeasured, { exact: true })).toBeVisible();
  });

  await test.step('the standby is gone: the target is missed, here, on the map and in the list', async () => {
    const host = new HostPage(hand);
    await map.open();
    await map.openHost('boreas');
    await host.cutPower();
    await map.open();
    await mail.open();
    await expect(page.getByText(objectives.banner('mail'))).toBeVisible({ timeout: 60_000 });
    await expect(card.getByText(objectives.standing.missed, { exact: true })).toBeVisible();
    await hand.click(page.getByRole('navigation').getByRole('link', { name: shell.list, exact: true }));
    await expect(page.getByText(/at risk \(target 2 s\)/)).toBeVisible();
    await hand.click(page.getByRole('link', { name: objectives.page.open, exact: true }));
    const first = page.getByRole('table').getByRole('row').nth(1);
    await expect(first.getByRole('link', { name: 'mail', exact: true })).toBeVisible();
    await expect(first.getByText(objectives.standing.missed)).toBeVisible();
    await clean(page, 'page');
    await hand.click(first.getByRole('link', { name: 'mail', exact: true }));
  });

  await test.step('the host has kept it: a picture, a table, and a file', async () => {
    await expect(card.getByRole('img', { name: /^Last day: at worst .+ at risk, target 2 s\./ })).toBeVisible(
      {
        timeout: 150_000,
      },
    );
    await hand.click(card.getByText(objectives.table, { exact: true }));
    await expect(card.getByRole('table').getByRole('row')).not.toHaveCount(0);
    await clean(page, 'card');
    const saving = page.waitForEvent('download');
    await hand.click(card.getByRole('button', { name: objectives.export.csv, exact: true }));
    const saved = await saving;
    expect(saved.suggestedFilename()).toMatch(/^understudy-at-risk-mail-.+\.csv$/);
    expect(await readFile(await saved.path(), 'utf8')).toContain('"worst of the minute"');
  });
});
