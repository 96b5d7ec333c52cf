import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { expect, test } from '@playwright/test';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { to } from '../../../src-renderer/lib/router.ts';
import { startDisplay, startElectron } from '../electron-app.ts';
import { electronRuntime } from '../electron-runtime.ts';
import { ROOT } from '../headless.ts';
import { type PackagedApp, packageApp } from '../package-app.ts';
import { Hand } from '../pages/hand.ts';
import { ManualPage } from '../pages/manual.ts';
import { MapPage } from '../pages/map.ts';
import { WelcomePage } from '../pages/welcome.ts';

/** The directory target, really built, as a person would start it. */
let screen: Awaited<ReturnType<typeof startDisplay>>;
let packaged: PackagedApp;
/** uid and gid of nobody. */
const NOBODY = 65534;
const ON = '1'.charCodeAt(0);
const OFF = '0'.charCodeAt(0);

test.beforeAll(async () => {
  screen = await startDisplay();
  packaged = packageApp(await electronRuntime());
});
test.afterAll(() => {
  screen?.stop();
  if (packaged) rmSync(dirname(packaged.folder), { recursive: true, force: true });
});

test('has its fuses flipped', async () => {
  const fuses = await getCurrentFuseWire(packaged.executable);
  expect(fuses[FuseV1Options.RunAsNode]).toBe(OFF);
  expect(fuses[FuseV1Options.EnableNodeOptionsEnvironmentVariable]).toBe(OFF);
  expect(fuses[FuseV1Options.EnableEmbeddedAsarIntegrityValidation]).toBe(ON);
  expect(fuses[FuseV1Options.OnlyLoadAppFromAsar]).toBe(ON);
});

test('starts, and shows the practice fleet, and the pictures of the manual out of its archive', async () => {
  const running = await startElectron({ display: screen.display, packaged: packaged.executable });
  try {
    const hand = new Hand(running.page);
    await new WelcomePage(hand).practice();
    await expect(new MapPage(hand).grid).toBeVisible({ timeout: 60_000 });
    await expect(running.page.getByText(shell.practice.label, { exact: true })).toBeVisible();
    const manual = new ManualPage(hand);
    await running.page.evaluate((place) => window.location.assign(place), to.manual());
    for (const picture of manual.pictures) await manual.loaded(manual.image(picture));
  } finally {
    await running.close();
  }
});

test("runs inside Chromium's own sandbox, as an ordinary user", async () => {
  test.setTimeout(120_000);
  const home = mkdtempSync(join(tmpdir(), 'understudy-nobody-'));
  chownSync(home, NOBODY, NOBODY);
  chmodSync(dirname(packaged.folder), 0o755);
  const wrapper = join(dirname(packaged.folder), 'as-nobody.sh');
  const drop = `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups`;
  writeFileSync(wrapper, `#!/bin/sh\nexec ${drop} '${packaged.executable}' "$@"\n`, { mode: 0o755 });
  // The checkout may lie where nobody but root may look.
  const node = join(dirname(packaged.folder), 'node');
  copyFileSync(process.execPath, node);
  const running = await startElectron({
    display: screen.display,
    packaged: wrapper,
    sandboxed: true,
    dataDir: join(home, 'data'),
    env: { HOME: home, UNDERSTUDY_TEST_NODE: node },
  });
  try {
    await expect(running.page.getByRole('heading', { level: 1 })).toBeVisible();
    const status = await running.app.evaluate(async ({ app }) => {
      const renderer = app.getAppMetrics().find((metric) => metric.type === 'Tab');
      return { sandboxed: renderer?.sandboxed ?? null, pid: renderer?.pid ?? 0 };
    });
    // Seccomp 2: a system call filter is in force in the page's process (proc(5)).
    const seccomp = /^Seccomp:\s+(\d)/m.exec(readFileSync(`/proc/${status.pid}/status`, 'utf8'))?.[1];
    expect(seccomp).toBe('2');
  } finally {
    await running.close();
    rmSync(home, { recursive: true, force: true });
  }
});

test('leaves the house without the switch that only these tests need', () => {
  const build = (args: string[]): void =>
    void execFileSync(
      process.execPath,
      [join(ROOT, 'src-main', 'scripts', 'build.mjs'), 'electron', ...args],
      { cwd: ROOT },
    );
  const main = join(ROOT, 'dist', 'electron', 'main.cjs');
  expect(readFileSync(main, 'utf8')).toContain('UNDERSTUDY_TEST_NODE');
  try {
    build(['--release']);
    expect(readFileSync(main, 'utf8')).not.toContain('UNDERSTUDY_TEST_');
  } finally {
    build([]);
  }
});
