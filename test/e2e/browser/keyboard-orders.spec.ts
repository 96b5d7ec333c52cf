import type { Page } from '@playwright/test';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { drill } from '../../../src-renderer/lib/messages/drill.ts';
import { evacuation } from '../../../src-renderer/lib/messages/evacuation.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { objectives } from '../../../src-renderer/lib/messages/objectives.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { pairs } from '../../../src-renderer/lib/messages/pairs.ts';
import { replication } from '../../../src-renderer/lib/messages/replication.ts';
import { verify } from '../../../src-renderer/lib/messages/verify.ts';
import { expect, test } from '../fixtures.ts';
import { Keys, tabToRadio } from '../pages/keys.ts';

/** Every order about a machine is given once by keyboard alone: the mouse is not touched here. */
const TASK_MS = 90_000;

/** The dialog over the page, called so. */
const dialog = (page: Page, name: string) => page.getByRole('dialog', { name });

/** Escape closes whatever dialog is open; some close by themselves. */
async function closed(keys: Keys): Promise<void> {
  await keys.page.keyboard.press('Escape');
  await expect(keys.page.getByRole('dialog')).toHaveCount(0);
}

test.beforeEach(async ({ page, startConsole }) => {
  await page.goto((await startConsole(['--practice'])).url);
  await expect(page.getByRole('grid')).toBeVisible();
});

test('look after a copy: compare, try out, when, how it is kept, targets, automation, maintenance', async ({
  page,
}) => {
  test.setTimeout(300_000);
  const keys = new Keys(page);
  await keys.palette('compare mail now', 'Compare the copy of mail now');
  await expect(page.getByRole('heading', { level: 1, name: 'mail' })).toBeVisible();
  await expect(page.getByText(verify.outcome.alike).first()).toBeVisible({ timeout: TASK_MS });

  await keys.palette('drill mail', drill.dialog.title('mail'));
  await expect(dialog(page, drill.dialog.title('mail'))).toBeVisible();
  await keys.press(drill.go);
  await expect(page.getByText(drill.dialog.passed('mail'))).toBeVisible({ timeout: TASK_MS });
  await closed(keys);

  for (const [text, title, save] of [
    ['drill timetable mail', drill.form.title('mail'), drill.form.save],
    ['compare timetable mail', verify.form.title('mail'), verify.form.save],
    ['rpo mail', objectives.dialog.title('mail'), objectives.dialog.save],
    ['automatic mail', automation.dialog.title('mail'), automation.dialog.save],
  ] as const) {
    await keys.palette(text, title);
    await expect(dialog(page, title)).toBeVisible();
    if (title === automation.dialog.title('mail')) {
      await tabToRadio(page, automation.profile.title);
      await page.keyboard.press('ArrowDown');
    }
    await keys.press(save);
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }

  await keys.palette('maintenance mail', automation.maintenance.title('mail'));
  await keys.press(automation.maintenance.go);
  await expect(page.getByRole('button', { name: automation.maintenance.go })).toHaveCount(0);
  await closed(keys);
  await expect(page.getByText(/^In maintenance until/).first()).toBeVisible();
  await keys.palette('maintenance mail', automation.maintenance.title('mail'));
  await keys.press(automation.maintenance.end);
  await expect(page.getByRole('button', { name: automation.maintenance.end })).toHaveCount(0);
  await closed(keys);
  await expect(page.getByText(/^In maintenance until/)).toHaveCount(0);

  await keys.palette('replication mail', replication.dialog.title('mail'));
  await keys.choose(replication.choice, new RegExp(`^${replication.kinds.interval}`));
  await keys.press(replication.dialog.save);
  await expect(page.getByText(replication.dialog.done('mail'))).toBeVisible({ timeout: TASK_MS });
});

test('move a machine: switch over, empty a host and bring home, end its protection', async ({ page }) => {
  test.setTimeout(300_000);
  const keys = new Keys(page);
  await keys.palette('switch over mail', 'Switch over mail…');
  await keys.press(orders.switchover.go('boreas'));
  await expect(page.getByText(orders.switchover.done('mail', 'boreas')).first()).toBeVisible({
    timeout: TASK_MS,
  });
  await closed(keys);

  for (const [kind, host] of [
    ['home', 'atlas'],
    ['away', 'atlas'],
  ] as const) {
    const words = evacuation[kind];
    await expect(page.getByText('in sync').first()).toBeVisible({ timeout: TASK_MS });
    await keys.palette(words.title(host), words.title(host));
    await expect(dialog(page, words.title(host))).toBeVisible();
    await keys.press(words.go(1));
    await expect(page.getByRole('dialog').getByRole('status')).toContainText(evacuation.done(1, 1), {
      timeout: TASK_MS,
    });
    await closed(keys);
    await keys.palette('mail', 'mail');
  }

  await expect(page.getByText('in sync').first()).toBeVisible({ timeout: TASK_MS });
  await keys.palette('end protection mail', 'End protection of mail…');
  await keys.press(orders.end.go);
  await expect(page.getByText(orders.end.done('mail')).first()).toBeVisible({ timeout: TASK_MS });
});

test('after a loss: fail over with the name typed, go back to the old copy, make it whole again', async ({
  page,
}) => {
  test.setTimeout(300_000);
  const keys = new Keys(page);
  const power = async (word: string, then: string): Promise<void> => {
    await keys.palette('atlas host', /^atlas\b.*Host/);
    await keys.press(word);
    await expect(page.getByRole('button', { name: then })).toBeVisible({ timeout: TASK_MS });
  };
  await power(hosts.power.cut, hosts.power.restore);
  await keys.palette('fail over mail', 'Fail over mail…');
  await expect(page.getByText(orders.failover.verdict.unproven)).toBeVisible({ timeout: TASK_MS });
  await keys.fill(orders.failover.type('mail'), 'mail');
  await keys.press(orders.failover.go('mail', 'boreas'));
  await expect(page.getByText(orders.failover.done('mail', 'boreas')).first()).toBeVisible({
    timeout: TASK_MS,
  });
  await closed(keys);
  await power(hosts.power.restore, hosts.power.cut);

  await keys.palette('mail', 'mail');
  await expect(page.getByText(pairs.actions.revert).first()).toBeVisible({ timeout: TASK_MS });
  await keys.palette('old copy of mail', 'Go back to the old copy of mail…');
  await keys.press(orders.revert.go('atlas'));
  await expect(page.getByText(orders.revert.done('mail', 'atlas')).first()).toBeVisible({
    timeout: TASK_MS,
  });
});
