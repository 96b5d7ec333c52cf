import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication, type Page } from '@playwright/test';
import { startDisplay, startElectron } from '../electron-app.ts';
import { electronRuntime } from '../electron-runtime.ts';
import { big, probeOf } from '../fixture/big.ts';
import { type FixtureFleet, startFixtureFleet } from '../fixture/server.ts';
import { pan, seenSoFar, watchChip } from './in-page.ts';
import { familyMiB, quantile } from './processes.ts';

/**
 * `npm run bench:console [-- --json]`: the console in a real Electron window with 100 hosts, 2,000 machines and 50 changes
 * a second. Needs the build and, without a screen, Xvfb.
 *
 * The application is started as it is, with its core. The fleet comes from the fixture server, into a second window of the
 * same application that has no shell port: the core of it keeps no fleet, and what that would take is not in `memoryMiB`.
 */
const CHANGES_PER_S = 50;
const WATCH_MS = 20_000;
const PAN_MS = 10_000;
const GOALS = { changeToPixelMsP95: 200, frameMsP95: 33, moreMemoryMiB: 350 };

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const rounded = (value: number): number => Number(value.toFixed(1));

/** The same Electron with one window and nothing in it. */
async function emptyWindow(display: string): Promise<{ startMs: number; miB: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-empty-'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'empty', main: 'main.cjs' }));
  await writeFile(
    join(folder, 'main.cjs'),
    `const { app, BrowserWindow } = require('electron');
app.whenReady().then(() => new BrowserWindow({ width: 1280, height: 800, webPreferences: { sandbox: true } }).loadURL('data:text/html,<h1>empty</h1>'));`,
  );
  const { executablePath } = await electronRuntime();
  const { ELECTRON_RUN_AS_NODE: _unset, ...inherited } = process.env;
  const begun = performance.now();
  const app = await _electron.launch({
    executablePath,
    args: [folder, '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'data')}`],
    env: { ...(inherited as Record<string, string>), DISPLAY: display },
  });
  try {
    const page = await app.firstWindow();
    await page.locator('h1').waitFor();
    const startMs = performance.now() - begun;
    await pause(5_000);
    return { startMs, miB: await familyMiB(pidOf(app)) };
  } finally {
    await app.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function pidOf(app: ElectronApplication): number {
  const { pid } = app.process();
  if (pid === undefined) throw new Error('Electron has ended');
  return pid;
}

/** A window of the running application that shows the fixture's fleet, in place of its own. */
async function fleetWindow(app: ElectronApplication, fixture: FixtureFleet): Promise<Page> {
  const opened = app.waitForEvent('window');
  await app.evaluate(({ BrowserWindow }, url) => {
    const own = BrowserWindow.getAllWindows();
    const window = new BrowserWindow({ width: 1280, height: 800, webPreferences: { sandbox: true } });
    void window.loadURL(url);
    window.once('ready-to-show', () => {
      for (const each of own) each.destroy();
    });
  }, fixture.url);
  return opened;
}

async function measureConsole(display: string): Promise<Record<string, number>> {
  const fixture = await startFixtureFleet('big', { changesPerS: CHANGES_PER_S });
  const begun = performance.now();
  const running = await startElectron({ display });
  try {
    await running.page.locator('h1').first().waitFor();
    const startMs = performance.now() - begun;
    const asked = performance.now();
    const page = await fleetWindow(running.app, fixture);
    const probe = probeOf(big());
    await page
      .getByRole('grid')
      .getByRole('link', { name: new RegExp(`^${probe.vm.name}\\b`) })
      .first()
      .waitFor();
    const bigFleetUsableMs = performance.now() - asked;
    await pause(3_000);
    await watchChip(page, probe.vm.name);
    await pause(WATCH_MS);
    const seen = await seenSoFar(page);
    const delays = seen.flatMap(({ percent, at }) => {
      const told = fixture.told.filter((each) => each.percent === percent && each.at <= at).at(-1);
      return told ? [at - told.at] : [];
    });
    if (delays.length < WATCH_MS / 1_000) throw new Error(`only ${delays.length} changes were seen`);
    const frames = await pan(page, PAN_MS);
    const memoryMiB = await familyMiB(pidOf(running.app));
    return {
      ...{ changeToPixelMsP50: quantile(delays, 0.5), changeToPixelMsP95: quantile(delays, 0.95) },
      ...{ changes: delays.length, frameMsP50: quantile(frames, 0.5), frameMsP95: quantile(frames, 0.95) },
      ...{ frames: frames.length, memoryMiB, startMs, bigFleetUsableMs },
    };
  } finally {
    await running.close();
    await fixture.stop();
  }
}

const screen = await startDisplay();
try {
  const empty = await emptyWindow(screen.display);
  const found = await measureConsole(screen.display);
  const all = {
    ...found,
    emptyMemoryMiB: empty.miB,
    emptyStartMs: empty.startMs,
    startRatio: (found.startMs ?? Number.NaN) / empty.startMs,
  };
  const result = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, rounded(value)]));
  if (process.argv.includes('--json')) console.log(JSON.stringify(result));
  else {
    for (const [key, value] of Object.entries(result)) console.log(`${key.padEnd(22)}${value}`);
    console.log(`goals: ${JSON.stringify(GOALS)}`);
  }
} finally {
  screen.stop();
}
