import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { openStorage } from '../../../src-main/core/storage/storage.ts';
import { startDisplay, startElectron } from '../electron-app.ts';

test('the window keeps the runbook as a PDF beside the page, printed where nobody sees it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'understudy-window-'));
  // A host that this console knows, and that nobody answers for.
  const storage = openStorage(join(dataDir, 'console.db'), Date.now);
  storage.hosts.put({
    ...{ id: 'h-atlas', name: 'atlas', site: '', address: '127.0.0.1', port: 9, user: 'root', machineId: '' },
    ...{ role: 'hypervisor', login: { method: 'agent' }, addedAt: 1 },
    peer: { address: '127.0.0.1', port: 9, replicationPort: 9 },
  });
  storage.close();
  const screen = await startDisplay();
  const running = await startElectron({ display: screen.display, dataDir });
  const pdf = join(dataDir, 'runbook', 'understudy-runbook.pdf');
  try {
    await expect.poll(() => existsSync(pdf), { timeout: 60_000 }).toBe(true);
    expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
    expect(readFileSync(pdf.replace('.pdf', '.html'), 'utf8')).toContain('ssh -p 9 root@127.0.0.1');
    // The window that printed it is gone again.
    await expect.poll(() => running.app.windows().length).toBe(1);
  } finally {
    await running.close();
    screen.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
