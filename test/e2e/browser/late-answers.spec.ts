import type { AuditView } from '../../../src-main/contract/index.ts';
import { offline } from '../../../src-main/contract/testing-fleet.ts';
import { evacuation } from '../../../src-renderer/lib/messages/evacuation.ts';
import { orders } from '../../../src-renderer/lib/messages/orders.ts';
import { problem } from '../../../src-renderer/lib/messages/problem.ts';
import { protect } from '../../../src-renderer/lib/messages/protect.ts';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { witness } from '../../../src-renderer/lib/messages/witness.ts';
import { live, looked, noRun, plan, refused, started } from '../fixture/replies.ts';
import { verdict } from '../fixture/scripted.ts';
import { expect, go, hostOf, test, troubles } from '../troubled.ts';

/** What comes late moves nothing under the pointer, overwrites nothing that was typed, and is not taken for something else. */
test('an answer that comes late brings no button under the pointer that was on its way to Cancel', async ({
  fleet,
  dialog,
}) => {
  const late = [
    {
      place: '#/hosts/atlas/away',
      method: 'evacuation.plan',
      reply: plan,
      name: evacuation.away.go(1),
      first: { 'evacuation.last': noRun },
    },
    {
      place: '#/pairs/pair-waiting/failover',
      method: 'pair.verdict',
      reply: { value: verdict('pair-waiting') },
      name: orders.failover.go('waiting', 'cora'),
      first: {},
    },
  ];
  for (const { place, method, reply, name, first } of late) {
    for (const [before, value] of Object.entries(first)) fleet.script.next(before, value);
    const held = fleet.script.hold(method);
    await dialog.open(place);
    await held.asked;
    const cancel = await dialog.button(shell.cancel).boundingBox();
    held.give(reply);
    const button = dialog.button(name);
    await expect(button).toBeEnabled();
    const came = await button.boundingBox();
    expect(came?.x, name).toBeGreaterThan((cancel?.x ?? Number.NaN) + (cancel?.width ?? 0) / 2);
  }
});

test('how a machine moves is not decided between look and click, and is asked again when nobody answered', async ({
  fleet,
  dialog,
}) => {
  const held = fleet.script.hold('pair.switchover.check');
  await dialog.open('#/pairs/pair-in-sync/switchover');
  const button = dialog.button(orders.switchover.go('boreas'));
  await expect(button).toBeDisabled();
  await expect(dialog.box.getByText(orders.failover.willHappen)).toHaveCount(0);
  held.give({ problem: problem.noAnswer });
  await dialog.says(problem.noAnswer);
  await expect(button).toHaveAccessibleDescription(orders.switchover.notAsked);
  fleet.script.next('pair.switchover.check', live);
  await dialog.button(shell.retry).click();
  await expect(button).toBeEnabled();
  await expect(
    dialog.box.getByRole('radio', { name: new RegExp(`^${orders.switchover.live}`) }),
  ).toBeChecked();
});

test('protect: a standby that falls silent stays chosen, a late answer about another plan is not taken, and a refusal is tried again', async ({
  page,
  fleet,
}) => {
  const alone = Object.values(troubles.vms).find(({ hostId }) => hostId === 'cora');
  await go(page, `#/protect?host=cora&vm=${alone?.vm.uuid}`);
  const next = page.getByRole('button', { name: shell.next });
  await page.getByRole('radio', { name: /^boreas/ }).check();
  await next.click();
  const held = fleet.script.hold('protect.check');
  await next.click();
  await held.asked;
  await page.getByRole('button', { name: shell.back }).click();
  fleet.script.next('protect.check', looked);
  await next.click();
  const start = page.getByRole('button', { name: protect.start });
  await expect(start).toBeEnabled();
  const bad = {
    id: 'space',
    state: 'failed',
    host: 'boreas',
    title: 'Space',
    message: 'Full.',
    next: 'Tidy.',
  };
  held.give({ value: { checks: [bad], bytesToCopy: 1 } });

  const boreas = hostOf('boreas');
  fleet.script.change({ hosts: { boreas: { ...boreas, connection: offline } } });
  await expect(start).toBeDisabled();
  await expect(start).toHaveAccessibleDescription(protect.standbySilent('boreas'));
  // Had it been taken, it would have been by now.
  await expect(page.getByText(bad.message)).toHaveCount(0);
  fleet.script.change({ hosts: { boreas } });
  fleet.script.next('protect.start', { problem: refused }, started);
  await start.click();
  await expect(page.getByRole('alert').filter({ hasText: refused.message })).toContainText(refused.next);
  await start.click();
  await expect(page.getByRole('heading', { name: /to boreas$/ })).toBeVisible();
  expect(fleet.script.calls('protect.start').map(({ standby }) => standby)).toEqual(['boreas', 'boreas']);
});

test('witness: a test that could not be made is made again, and one about other machines is not taken for it', async ({
  page,
  fleet,
}) => {
  const pi = { ...hostOf('pi'), connection: hostOf('atlas').connection };
  fleet.script.change({ hosts: { pi } });
  await go(page, '#/witness?host=pi');
  const next = page.getByRole('button', { name: shell.next });
  fleet.script.next('witness.check', { problem: refused });
  const held = fleet.script.hold('witness.check');
  await next.click();
  const make = page.getByRole('button', { name: witness.test.go('pi') });
  await expect(page.getByRole('alert').filter({ hasText: refused.message })).toContainText(refused.next);
  await expect(make).toHaveAccessibleDescription(witness.test.untested);
  await page.getByRole('button', { name: witness.test.again }).click();
  await held.asked;
  await page.getByRole('button', { name: shell.back }).click();
  await page.getByRole('checkbox', { name: /^held/ }).uncheck();
  await next.click();
  await expect(make).toBeEnabled();
  held.give({ value: { witness: 'pi', usable: false, checks: [] } });
  fleet.script.next('witness.set', { problem: refused });
  await make.click();
  await expect(page.getByRole('alert').filter({ hasText: refused.message })).toContainText(refused.next);
  await expect(make).toBeEnabled();
  expect(fleet.script.calls('witness.set').at(0)?.pairIds).not.toContain('pair-held');
});

test('what is typed is not overwritten by what is saved or read beside it, and what was not kept is not shown as kept', async ({
  page,
  fleet,
}) => {
  await go(page, '#/settings');
  const operator = page.getByRole('textbox', { name: settings.operator });
  await operator.fill('Ada L');
  const theme = (word: string) => page.getByRole('radio', { name: word });
  const now = {
    theme: 'dark',
    operator: 'fixture',
    newPairs: { policy: 'manual', profile: 'balanced', witness: null },
  };
  fleet.script.next('settings.set', { value: now }, { problem: refused }, { problem: refused });
  await theme(settings.themes.dark).check();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(operator).toHaveValue('Ada L');
  await theme(settings.themes.light).click();
  await expect(page.getByRole('log')).toContainText(refused.message);
  await expect(theme(settings.themes.dark)).toBeChecked();
  await operator.press('Enter');
  await expect.poll(() => fleet.script.calls('settings.set').length).toBe(3);
  await expect(page.getByRole('log').getByText(refused.message)).toHaveCount(2);
  await expect(page.getByRole('log').getByText(settings.saved, { exact: true })).toHaveCount(0);
  await expect(operator).toHaveValue('Ada L');

  const status = { writtenAt: 1, files: [], folder: '/media/stick', machines: 1, problem: null };
  const read = (text: string) => ({
    value: { body: `<p>${text}</p>`, status, tooMany: false, machines: [{ pairId: 'p', name: 'p' }] },
  });
  fleet.script.next('runbook.page', read('As it was.'), read('As it is now.'));
  await go(page, '#/runbook');
  const folder = page.getByRole('textbox', { name: runbook.folder });
  await expect(folder).toHaveValue('/media/stick');
  await folder.fill('/media/other');
  await fleet.pause();
  await fleet.resume();
  await expect(page.getByText('As it is now.')).toBeVisible();
  await expect(folder).toHaveValue('/media/other');
});

test('the history gets what happened while the console was away', async ({ page, fleet }) => {
  const line = (seq: number, text: string): AuditView => ({
    ...{ key: `atlas:${seq}`, source: 'atlas', sourceName: 'atlas' },
    entry: { seq, at: Date.now() - 60_000 + seq, actor: 'agent', event: 'looked', text },
  });
  const known = line(1, 'It was quiet.');
  fleet.script.next('audit.list', { value: { entries: [known] } });
  await go(page, '#/activity');
  await expect(page.getByText(known.entry.text)).toBeVisible();
  fleet.script.next('audit.list', { value: { entries: [line(2, 'The lights went out.'), known] } });
  await fleet.pause();
  await fleet.resume();
  await expect(page.getByText('The lights went out.')).toBeVisible();
  await expect(page.getByText(known.entry.text)).toHaveCount(1);
});
