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
import { DialogBox } from '../pages/dialog.ts';
import { DrillDialog } from '../pages/drill.ts';
import { EvacuationDialog } from '../pages/evacuation.ts';
import { Keys, tabToRadio } from '../pages/keys.ts';
import { MaintenanceDialog } from '../pages/maintenance.ts';
import { MapPage } from '../pages/map.ts';
import { PairPage } from '../pages/pair.ts';
import { ModeDialog } from '../pages/replication.ts';

/** Every order about a machine is given once by keyboard alone: the mouse is not touched here, the pages are only looked at. */
const TASK_MS = 90_000;

test.beforeEach(async ({ hand, page, startConsole }) => {
  await page.goto((await startConsole(['--practice'])).url);
  await new MapPage(hand).isThere();
});

test('look after a copy: compare, try out, when, how it is kept, targets, automation, maintenance', async ({
  hand,
  page,
}) => {
  const keys = new Keys(page);
  const open = new DialogBox(hand);
  await keys.palette('compare mail now', 'Compare the copy of mail now');
  await new PairPage(hand, 'mail').isThere();
  await expect(page.getByText(verify.outcome.alike).first()).toBeVisible({ timeout: TASK_MS });

  await keys.palette('drill mail', drill.dialog.title('mail'));
  const trial = new DrillDialog(hand, 'mail');
  await trial.isThere();
  await keys.press(drill.go);
  await trial.hasPassed(TASK_MS);
  await trial.escape();

  for (const [text, title, save] of [
    ['drill timetable mail', drill.form.title('mail'), drill.form.save],
    ['compare timetable mail', verify.form.title('mail'), verify.form.save],
    ['rpo mail', objectives.dialog.title('mail'), objectives.dialog.save],
    ['automatic mail', automation.dialog.title('mail'), automation.dialog.save],
  ] as const) {
    await keys.palette(text, title);
    await new DialogBox(hand, title).isThere();
    if (title === automation.dialog.title('mail')) {
      await tabToRadio(page, automation.profile.title);
      await page.keyboard.press('ArrowDown');
    }
    await keys.press(save);
    await expect(open.box).toHaveCount(0);
  }

  await keys.palette('maintenance mail', automation.maintenance.title('mail'));
  await keys.press(automation.maintenance.go);
  await expect(page.getByRole('button', { name: automation.maintenance.go })).toHaveCount(0);
  await open.escape();
  await expect(MaintenanceDialog.banner(hand).first()).toBeVisible();
  await keys.palette('maintenance mail', automation.maintenance.title('mail'));
  await keys.press(automation.maintenance.end);
  await expect(page.getByRole('button', { name: automation.maintenance.end })).toHaveCount(0);
  await open.escape();
  await expect(MaintenanceDialog.banner(hand)).toHaveCount(0);

  await keys.palette('replication mail', replication.dialog.title('mail'));
  await keys.choose(replication.choice, new RegExp(`^${replication.kinds.interval}`));
  await keys.press(replication.dialog.save);
  await new ModeDialog(hand, 'mail').done(TASK_MS);
});

test('move a machine: switch over, empty a host and bring home, end its protection', async ({
  hand,
  page,
}) => {
  const keys = new Keys(page);
  const mail = new PairPage(hand, 'mail');
  await keys.palette('switch over mail', 'Switch over mail…');
  await keys.press(orders.switchover.go('boreas'));
  await mail.shows(orders.switchover.done('mail', 'boreas'), TASK_MS);
  await mail.dialog.escape();

  for (const [kind, host] of [
    ['home', 'atlas'],
    ['away', 'atlas'],
  ] as const) {
    const words = evacuation[kind];
    await mail.shows('in sync', TASK_MS);
    await keys.palette(words.title(host), words.title(host));
    const dialog = new EvacuationDialog(hand, kind, host);
    await dialog.isThere();
    await keys.press(words.go(1));
    await dialog.allMoved(1, TASK_MS);
    await dialog.escape();
    await keys.palette('mail', 'mail');
  }

  await mail.shows('in sync', TASK_MS);
  await keys.palette('end protection mail', 'End protection of mail…');
  await keys.press(orders.end.go);
  await mail.shows(orders.end.done('mail'), TASK_MS);
});

test('after a loss: fail over with the name typed, go back to the old copy, make it whole again', async ({
  hand,
  page,
}) => {
  const keys = new Keys(page);
  const mail = new PairPage(hand, 'mail');
  const power = async (word: string, then: string): Promise<void> => {
    await keys.palette('atlas host', /^atlas\b.*Host/);
    await keys.press(word);
    await expect(hand.button(then)).toBeVisible({ timeout: TASK_MS });
  };
  await power(hosts.power.cut, hosts.power.restore);
  await keys.palette('fail over mail', 'Fail over mail…');
  await mail.verdictIs('unproven', TASK_MS);
  await keys.fill(orders.failover.type('mail'), 'mail');
  await keys.press(orders.failover.go('mail', 'boreas'));
  await mail.shows(orders.failover.done('mail', 'boreas'), TASK_MS);
  await mail.dialog.escape();
  await power(hosts.power.restore, hosts.power.cut);

  await keys.palette('mail', 'mail');
  await mail.shows(pairs.actions.revert, TASK_MS);
  await keys.palette('old copy of mail', 'Go back to the old copy of mail…');
  await keys.press(orders.revert.go('atlas'));
  await mail.shows(orders.revert.done('mail', 'atlas'), TASK_MS);
});
