import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { axeFindings } from '../axe.ts';
import { expect, test } from '../fixtures.ts';
import { HostPage } from '../pages/host.ts';
import { ListPage } from '../pages/list.ts';
import { MapPage } from '../pages/map.ts';
import { ObjectivesCard, ObjectivesPage } from '../pages/objectives.ts';
import { PairPage } from '../pages/pair.ts';

/** Where the pictures go when somebody wants to look at them. */
const PICTURES = process.env.OBJECTIVES_PICTURES;

test.use({ contextOptions: { reducedMotion: 'reduce' } });

async function clean(page: Page, name: string): Promise<void> {
  expect(await axeFindings(page, name)).toEqual([]);
  if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
}

test('what a failure would cost: shown, given a target, missed while the standby is gone, and kept for the auditor', async ({
  hand,
  page,
  startConsole,
}) => {
  const map = new MapPage(hand);
  const mail = new PairPage(hand, 'mail');
  const card = new ObjectivesCard(hand);

  await test.step('in sync nothing is at risk', async () => {
    await page.goto((await startConsole(['--practice'])).url);
    await map.isPractice();
    await mail.open();
    await card.says(objectives.nothing);
    await card.says(objectives.never);
  });

  await test.step('a target is checked as it is entered, and kept', async () => {
    const dialog = await card.setTargets('mail');
    await dialog.enter('rpo', 'soon');
    await expect(dialog.wrong).toBeVisible();
    await clean(page, 'dialog');
    await dialog.enter('rpo', '2 s');
    await dialog.enter('rto', '1 min');
    await expect(dialog.wrong).toBeHidden();
    await dialog.save();
    await card.says(objectives.standing.met);
    await card.says(objectives.standing.unmeasured);
  });

  await test.step('the standby is gone: the target is missed, here, on the map and in the list', async () => {
    const host = new HostPage(hand);
    await map.open();
    await map.openHost('boreas');
    await host.cutPower();
    await map.open();
    await mail.open();
    await expect(page.getByText(objectives.banner('mail'))).toBeVisible({ timeout: 60_000 });
    await card.says(objectives.standing.missed);
    const list = new ListPage(hand);
    await list.open();
    await expect(page.getByText(/at risk \(target 2 s\)/)).toBeVisible();
    await list.openObjectives();
    const overview = new ObjectivesPage(hand);
    const first = overview.row(1);
    await expect(overview.machine(first, 'mail')).toBeVisible();
    await expect(first.getByText(objectives.standing.missed)).toBeVisible();
    await clean(page, 'page');
    await hand.click(overview.machine(first, 'mail'));
  });

  await test.step('the host has kept it: a picture, a table, and a file', async () => {
    const picture = card.picture(/^Last day: at worst .+ at risk, target 2 s\./);
    await expect(picture).toBeVisible({ timeout: 150_000 });
    await card.openTable();
    await expect(card.rows).not.toHaveCount(0);
    await clean(page, 'card');
    const saving = page.waitForEvent('download');
    await card.export('csv');
    const saved = await saving;
    expect(saved.suggestedFilename()).toMatch(/^understudy-at-risk-mail-.+\.csv$/);
    expect(await readFile(await saved.path(), 'utf8')).toContain('"worst of the minute"');
  });
});
