import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication, type Page } from '@playwright/test';
import { electronRuntime } from './electron-runtime.ts';
import { ROOT } from './headless.ts';

export interface RunningApp {
  app: ElectronApplication;
  page: Page;
  dataDir: string;
  close(): Promise<void>;
}

/** A virtual screen of our own where there is none; ended with the tests that use it. */
export async function startDisplay(prefix: string[] = []): Promise<{ display: string; stop(): void }> {
  if (process.env.DISPLAY) return { display: process.env.DISPLAY, stop: () => undefined };
  const [command = 'Xvfb', ...rest] = [
    ...prefix,
    'Xvfb',
    '-displayfd',
    '1',
    '-screen',
    '0',
    '1920x1080x24',
    '-nolisten',
    'tcp',
  ];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
  const number = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('error', reject);
    child.once('close', () => reject(new Error('Xvfb did not start')));
  });
  return { display: `:${number}`, stop: () => void child.kill() };
}

/** Opens the console's window from the build, or from `packaged` (an executable). */
export async function startElectron(options: {
  display: string;
  args?: string[];
  packaged?: string;
  dataDir?: string;
  env?: Record<string, string>;
  /** With Chromium's own sandbox; root cannot. */
  sandboxed?: boolean;
}): Promise<RunningApp> {
  const runtime = await electronRuntime();
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'understudy-window-')));
  const sandbox = options.sandboxed ? ['--in-process-gpu'] : ['--no-sandbox'];
  const own = [`--data-dir=${dataDir}`, ...sandbox, '--disable-gpu', ...(options.args ?? [])];
  const { ELECTRON_RUN_AS_NODE: _unset, ...inherited } = process.env;
  const app = await _electron.launch({
    executablePath: options.packaged ?? runtime.executablePath,
    chromiumSandbox: options.sandboxed ?? false,
    args: options.packaged ? own : [ROOT, ...own],
    env: {
      ...(inherited as Record<string, string>),
      DISPLAY: options.display,
      UNDERSTUDY_TEST_HOLD: '1',
      ...(runtime.old ? { UNDERSTUDY_TEST_NODE: process.execPath } : {}),
      ...options.env,
    },
  });
  const page = await app.firstWindow();
  return {
    app,
    page,
    dataDir,
    async close() {
      await app.close();
      if (!options.dataDir) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
