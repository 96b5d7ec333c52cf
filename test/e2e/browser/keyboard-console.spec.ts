import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addHost } from '../../../src-renderer/lib/messages/add-host.ts';
import { automation } from '../../../src-renderer/lib/messages/automation.ts';
import { diagnostics } from '../../../src-renderer/lib/messages/diagnostics.ts';
import { hosts } from '../../../src-renderer/lib/messages/hosts.ts';
import { limits } from '../../../src-renderer/lib/messages/limits.ts';
import { manual } from '../../../src-renderer/lib/messages/manual.ts';
import { palette } from '../../../src-renderer/lib/messages/palette.ts';
import { runbook } from '../../../src-renderer/lib/messages/runbook.ts';
import { settings } from '../../../src-renderer/lib/messages/settings.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { shortcuts } from '../../../src-renderer/lib/messages/shortcuts.ts';
import { telling } from '../../../src-renderer/lib/messages/telling.ts';
import { transfer } from '../../../src-renderer/lib/messages/transfer.ts';
import { welcome } from '../../../src-renderer/lib/messages/welcome.ts';
import { whatIf } from '../../../src-renderer/lib/messages/what-if.ts';
import { expect, test } from '../fixtures.ts';
import { AddHostWizard } from '../pages/add-host.ts';
import { Frame } from '../pages/frame.ts';
import { Keys, tabTo } from '../pages/keys.ts';
import { ListPage } from '../pages/list.ts';
import { MaintenanceDialog } from '../pages/maintenance.ts';
import { MapPage } from '../pages/map.ts';
import { ShortcutSheet } from '../pages/palette.ts';
import { RunbookPage } from '../pages/runbook.ts';
import { DiagnosticsDialog, ImportDialog, SettingsPage } from '../pages/settings.ts';
import { TellingCard } from '../pages/telling.ts';
import { WelcomePage } from '../pages/welcome.ts';
import { WhatIfPage } from '../pages/what-if.ts';
import { startPracticeHosts } from '../practice-hosts.ts';

/** Hosts, settings and the console itself, by keyboard alone: the mouse is not touched here, the pages are only looked at. */

test('add a host, rename it, limit its copies, remove it', async ({ hand, page, startConsole }) => {
  const practice = await startPracticeHosts();
  const keys = new Keys(page);
  const wizard = new AddHostWizard(hand);
  const frame = new Frame(hand);
  await page.goto((await startConsole()).url);
  await keys.press(welcome.connect);
  const { address, port, password } = practice.access('atlas');
  await expect(page.getByRole('heading', { name: addHost.steps[0] ?? '' })).toBeVisible();
  await keys.fill(new RegExp(`^${addHost.address}`), `root@${address}:${port}`);
  await keys.choose(addHost.method, new RegExp(`^${addHost.password}`));
  await keys.fill(new RegExp(`^${addHost.password}$`), password);
  await page.keyboard.press('Enter');
  await expect(wizard.fingerprint).toBeVisible();
  await keys.press(addHost.fingerprint.matches);
  await keys.press(addHost.found.install);
  await wizard.isDone(60_000);

  await keys.palette('rename atlas', hosts.renameTitle('atlas'));
  await keys.fill(addHost.found.name, 'titan');
  await page.keyboard.press('Enter');
  await frame.shows('titan');
  await keys.palette('copies titan', limits.title('titan'));
  await keys.press(limits.save);
  await expect(frame.log).toContainText(limits.saved('titan'));
  await keys.palette('remove titan', 'Remove titan…');
  await keys.press(hosts.removeDo('titan'));
  await new WelcomePage(hand).isThere();
  await practice.close();
});

test('letters lead to places, and are letters in a field; the sheet lists them; they can be switched off', async ({
  hand,
  page,
  startConsole,
}) => {
  await page.goto((await startConsole(['--practice'])).url);
  await new MapPage(hand).isThere();
  await page.keyboard.type('gl');
  await new ListPage(hand).isThere();
  await page.keyboard.press('/');
  await page.keyboard.type('gs?');
  await expect(page.getByRole('status').filter({ hasText: 'gs?' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  const sheet = new ShortcutSheet(page);
  await expect(sheet.sheet.getByText(shell.addHost)).toBeVisible();
  await sheet.close();

  const place = new SettingsPage(hand);
  await page.keyboard.type('gs');
  await place.isThere();
  await new Keys(page).choose(shortcuts.setting, new RegExp(`^${shortcuts.off}`));
  await page.keyboard.type('gm?');
  await place.isThere();
  await expect(sheet.sheet).toBeHidden();
  await sheet.open();
  await expect(sheet.sheet.getByText(shortcuts.lettersOff)).toBeVisible();
});

test('the whole console: pause and resume, theme, name, history, settings to a file and back, diagnostics', async ({
  hand,
  home,
  page,
  startConsole,
}) => {
  const keys = new Keys(page);
  const frame = new Frame(hand);
  const place = new SettingsPage(hand);
  await page.goto((await startConsole(['--practice'])).url);
  await new MapPage(hand).isThere();

  await keys.palette('pause', 'Pause all automation');
  await expect(page.getByText(automation.switch.pausedTitle).first()).toBeVisible();
  await keys.palette('resume', 'Resume all automation');
  await expect(page.getByText(automation.switch.pausedTitle)).toHaveCount(0);
  await keys.palette('theme dark', 'Theme: Dark');
  await place.hasTheme('dark');

  await page.keyboard.type('gs');
  await keys.fill(settings.operator, 'ada');
  await page.keyboard.press('Enter');
  await expect(frame.log).toContainText(settings.saved);
  const history = page.waitForEvent('download');
  await keys.palette('history table', 'Save the whole history as a table');
  expect((await history).suggestedFilename()).toMatch(/\.csv$/);

  const file = join(home.dir, 'settings.json');
  const download = page.waitForEvent('download');
  await keys.palette('save settings', transfer.export);
  await (await download).saveAs(file);
  const text = await readFile(file, 'utf8');
  expect(JSON.parse(text)).toMatchObject({ settings: { theme: 'dark', operator: 'ada' } });
  await writeFile(file, text.replace('"dark"', '"light"'));
  await keys.palette('read settings', transfer.import);
  const chooser = page.waitForEvent('filechooser');
  const reading = new ImportDialog(hand);
  await reading.isThere();
  await page.keyboard.press('Enter');
  await (await chooser).setFiles(file);
  await expect(reading.change(settings.themes.dark, settings.themes.light)).toBeVisible();
  await keys.press(transfer.apply);
  await place.hasTheme('light');

  const bundle = page.waitForEvent('download');
  await keys.palette('diagnostics', diagnostics.open);
  await new DiagnosticsDialog(hand).isGathered();
  await keys.press(diagnostics.save);
  await (await bundle).saveAs(join(home.dir, 'diagnostics.txt'));
  const gathered = await readFile(join(home.dir, 'diagnostics.txt'), 'utf8');
  expect(gathered).toContain('==== fleet ====');
  expect(gathered).toContain('shop-web');
  expect(gathered).not.toMatch(/PRIVATE KEY|practice-password/i);

  await keys.palette('leave practice', settings.practiceStop);
  await expect(frame.practice).toBeHidden();
  await new WelcomePage(hand).isThere();
  await tabTo(page, welcome.practice);
});

test('by other words: whom the fleet tells, a host’s maintenance, what if, runbook, manual; letters go there too', async ({
  hand,
  page,
  startConsole,
}) => {
  const keys = new Keys(page);
  const frame = new Frame(hand);
  await page.goto((await startConsole(['--practice'])).url);
  await new MapPage(hand).isThere();

  await keys.palette('smtp', telling.title);
  await expect(new TellingCard(hand).card).toBeInViewport();
  await tabTo(page, telling.mail);
  await keys.palette('maintenance atlas', automation.maintenance.title('atlas'));
  const maintenance = new MaintenanceDialog(hand, 'atlas');
  await maintenance.isThere();
  await maintenance.escape();
  await frame.shows('atlas');
  await keys.palette('atlas fails', palette.whatIf('atlas'));
  await new WhatIfPage(hand).tellsOf('atlas');
  await keys.palette('by hand mail', palette.runbook('mail'));
  await expect(new RunbookPage(hand).paper).toContainText('mail');
  await keys.palette('split brain', manual.topics.witness.title);
  await expect(page.getByRole('heading', { name: manual.topics.witness.title })).toBeFocused();
  for (const [letters, title] of [
    ['gw', whatIf.title],
    ['gr', runbook.title],
    ['gh', manual.title],
  ] as const) {
    await page.keyboard.type(letters);
    await frame.shows(title);
  }
});
