import { problemOf, type Task } from '../../../agent/protocol/index.ts';
import { task } from '../../../src-main/contract/testing-fleet.ts';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { bulk } from '../../../src-renderer/lib/messages/bulk.ts';
import { diagnostics } from '../../../src-renderer/lib/messages/diagnostics.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { problem } from '../../../src-renderer/lib/messages/problem.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { transfer } from '../../../src-renderer/lib/messages/transfer.ts';
import { REFUSABLE } from '../fixture/refusable.ts';
import { live, looked, noRun, plan, refused, started } from '../fixture/replies.ts';
import { expect, go, pairOf, test } from '../troubled.ts';

/** Every way but the first run: what is refused or lost is mended where it stands, and nothing is begun anew. */
test('what the hosts refuse is said in its dialog, nothing entered is lost, and it is ordered again from there', async ({
  page,
  fleet,
  dialog,
}) => {
  // Small: what is said must be seen without looking for it.
  await page.setViewportSize({ width: 1024, height: 600 });
  for (const order of REFUSABLE) {
    await test.step(order.name, async () => {
      for (const [method, reply] of Object.entries(order.first ?? {})) fleet.script.next(method, reply);
      const before = fleet.script.calls(order.method).length;
      fleet.script.next(order.method, { problem: refused }, order.answer);
      await dialog.open(order.place);
      const { chosen, typed } = order;
      if (chosen) await chosen(dialog.box).check();
      if (typed) await dialog.field(typed[0]).fill(typed[1]);
      const button = dialog.button(order.button);
      await expect(button).toBeEnabled();
      await button.click();
      await dialog.says(refused);
      if (chosen) await expect(chosen(dialog.box)).toBeChecked();
      if (typed) await expect(dialog.field(typed[0])).toHaveValue(typed[1]);
      await expect(button).toBeEnabled();
      await button.click();
      await expect(button).toHaveCount(0);
      const ids = fleet.script
        .calls(order.method)
        .slice(before)
        .map(({ requestId }) => requestId);
      expect(ids).toHaveLength(2);
      // Refused is over: given again it is a new order.
      if (ids[0] !== undefined) expect(ids[1]).not.toBe(ids[0]);
    });
  }
});

test('a console lost in the middle of an order: the dialog says so, and the same order goes on when it is back', async ({
  fleet,
  dialog,
}) => {
  const held = fleet.script.hold('pair.resync');
  await dialog.open('#/pairs/pair-not-in-sync/return');
  const button = dialog.button(orders.return.go('cora'));
  await button.click();
  await held.asked;
  await fleet.pause();
  await dialog.saysLost(button);
  await fleet.resume();
  await expect(button).toBeEnabled();
  await expect(dialog.box.getByText(shell.lost.title)).toHaveCount(0);
  await dialog.says(problem.consoleLost);
  fleet.script.next('pair.resync', started);
  await button.click();
  await expect(button).toHaveCount(0);
  const [first, second] = fleet.script.calls('pair.resync');
  expect(second?.requestId).toBe(first?.requestId);
});

test('an order that was taken though its answer was lost is found by itself, and not given twice', async ({
  fleet,
  dialog,
}) => {
  const held = fleet.script.hold('protect.end');
  await dialog.open('#/pairs/pair-in-sync/end');
  await dialog.button(orders.end.go).click();
  await held.asked;
  await fleet.pause();
  const [given] = fleet.script.calls('protect.end');
  const { hostId, task: running } = task('pair-in-sync', 'unprotect', 'atlas');
  const id = String(given?.requestId);
  const over: Task = { ...running, id, state: 'done', endedAt: Date.now() };
  fleet.script.change({ pairs: { 'pair-in-sync': null }, tasks: { [id]: { hostId, task: over } } });
  await fleet.resume();
  await expect(dialog.box.getByText(orders.end.done('in-sync'))).toBeVisible();
  await expect(dialog.box.getByRole('alert')).toHaveCount(0);
  await expect(dialog.button(orders.end.go)).toHaveCount(0);
  expect(fleet.script.calls('protect.end')).toHaveLength(1);
});

test('what somebody else has ended meanwhile is said, and is not ordered', async ({ fleet, dialog }) => {
  await dialog.open('#/pairs/pair-held/end');
  await expect(dialog.button(orders.end.go)).toBeEnabled();
  fleet.script.change({ pairs: { 'pair-held': null } });
  await expect(dialog.box.getByText(orders.end.gone)).toBeVisible();
  await expect(dialog.button(orders.end.go)).toHaveCount(0);
  await dialog.button(orders.close).last().click();
  await expect(dialog.box).toHaveCount(0);
});

test('what could not be read is read again in the same dialog', async ({ fleet, dialog }) => {
  const offer = {
    ...{ algorithm: 'ssh-ed25519', fingerprint: 'SHA256:a-new-one', known: 'changed', before: 'SHA256:old' },
    ...{ knownFrom: 'console', compareCommand: 'ssh-keygen -lf key' },
  };
  const unread = [
    {
      place: '#/hosts/atlas/key',
      method: 'hosts.readKey',
      value: offer,
      shows: /SHA256:a-new-one/,
    },
    {
      place: '#/hosts/atlas/away',
      method: 'evacuation.plan',
      value: plan.value,
      shows: /to boreas/,
    },
    {
      place: '#/settings/diagnostics',
      method: 'diagnostics.gather',
      value: { name: 'understudy.txt', parts: [{ part: 'versions', text: 'Node 24' }] },
      shows: new RegExp(diagnostics.parts.versions),
    },
    {
      place: '#/pairs/pair-in-sync/switchover',
      method: 'pair.switchover.check',
      // A refusal would be an answer: it can move with a shutdown only.
      why: problemOf(new Error('a check that broke off')),
      value: live.value,
      shows: orders.switchover.liveText,
    },
  ];
  fleet.script.next('evacuation.last', noRun);
  for (const { place, method, value, shows, why = refused } of unread) {
    fleet.script.next(method, { problem: why }, { value });
    await dialog.open(place);
    await dialog.says(why);
    await dialog.button(shell.retry).click();
    await expect(dialog.box.getByText(shows).first()).toBeVisible();
    await expect(dialog.box.getByRole('alert')).toHaveCount(0);
  }
});

test('a settings file whose contents could not be judged is judged again without being chosen again', async ({
  fleet,
  dialog,
}) => {
  await dialog.open('#/settings/import');
  const changes = { value: { changes: [{ setting: 'theme', from: 'system', to: 'dark' }], hosts: [] } };
  fleet.script.next('settings.preview', { problem: refused }, changes);
  const buffer = Buffer.from('{}');
  await dialog.box
    .getByLabel(transfer.choose)
    .setInputFiles({ name: 'understudy.json', mimeType: 'application/json', buffer });
  await dialog.says(refused);
  await dialog.button(shell.retry).click();
  await expect(dialog.box.getByText(transfer.changes)).toBeVisible();
  await expect(dialog.button(transfer.apply)).toBeEnabled();
});

test('protect many: rules are changed after a failed check, and only what failed is ordered again', async ({
  page,
  fleet,
  dialog,
}) => {
  await go(page, '#/list');
  await page
    .getByRole('checkbox', { name: bulk.choose('a-machine-with-a-name-that-does-not-fit-into-its-place') })
    .check();
  await page.getByRole('button', { name: bulk.protect(1) }).click();
  await dialog.box.getByRole('combobox', { name: bulk.standby }).selectOption({ label: 'boreas' });
  fleet.script.next('protect.check', { problem: refused }, looked);
  await dialog.button(bulk.check).click();
  await expect(dialog.box.getByText(refused.message)).toBeVisible();
  await dialog.button(shell.back).click();
  await expect(dialog.box.getByRole('combobox', { name: bulk.standby })).toHaveValue('boreas');
  await dialog.button(bulk.check).click();
  fleet.script.next('protect.start', { problem: refused }, started);
  await dialog.button(bulk.protectGo(1)).click();
  await expect(dialog.box.getByText(`${bulk.notBegun}: ${refused.message}`)).toBeVisible();
  await dialog.button(bulk.again(1)).click();
  await expect(dialog.box.getByText(bulk.begun)).toBeVisible();
  await expect(dialog.button(bulk.again(1))).toHaveCount(0);
});

test('the end of a maintenance that failed in part is tried again as an end', async ({
  page,
  fleet,
  dialog,
}) => {
  const resting = pairOf('in-sync');
  const maintenance = { until: Date.now() + 3_600_000, reason: 'new memory' };
  fleet.script.change({
    pairs: { [resting.id]: { ...resting, automation: { ...resting.automation, maintenance } } },
  });
  await dialog.open('#/settings/maintenance');
  await dialog.button(automation.maintenance.end).click();
  await dialog.button(automation.outcomes.retry).click();
  await expect(page.getByRole('log')).toContainText(automation.maintenance.ended);
  const changes = fleet.script.calls('automation.set').map(({ change }) => change);
  expect(changes).toEqual([{ maintenance: null }, { maintenance: null }]);
});
