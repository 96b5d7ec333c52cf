import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { startDisplay } from '../electron-app.ts';
import { electronRuntime } from '../electron-runtime.ts';
import { ROOT } from '../headless.ts';

test('the desktop program is the command line too, and opens no window for it', async () => {
  const screen = await startDisplay();
  const folder = await mkdtemp(join(tmpdir(), 'understudy-command-'));
  const runtime = await electronRuntime();
  const env = {
    ...process.env,
    DISPLAY: screen.display,
    ...(runtime.old ? { UNDERSTUDY_TEST_NODE: process.execPath } : {}),
  };
  const args = ['--no-sandbox', '--disable-gpu', ROOT, 'cli', 'status', '--json', '--data-dir', folder];
  try {
    const said = await new Promise<{ code: number; last: string }>((resolve) => {
      execFile(runtime.executablePath, args, { env }, (error, stdout) =>
        resolve({ code: Number(error?.code ?? 0), last: stdout.trimEnd().split('\n').at(-1) ?? '' }),
      );
    });
    expect(said.code).toBe(1);
    expect(JSON.parse(said.last)).toMatchObject({ command: 'status', problem: { kind: 'no-hosts' } });
  } finally {
    screen.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
