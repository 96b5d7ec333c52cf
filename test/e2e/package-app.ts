import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElectronRuntime } from './electron-runtime.ts';
import { ROOT } from './headless.ts';

export interface PackagedApp {
  /** Folder of the directory target. */
  folder: string;
  executable: string;
}

/**
 * Builds the directory target as it is configured, on the Electron at hand. Two things differ from what leaves the
 * house, both so that Playwright and an old Electron can drive it: the inspect fuse stays on, and the build keeps the
 * test switch (docs/packaging.md). The release build is checked for having neither.
 */
export function packageApp(runtime: ElectronRuntime): PackagedApp {
  const output = mkdtempSync(join(tmpdir(), 'understudy-package-'));
  const builder = join(ROOT, 'node_modules', '.bin', 'electron-builder');
  const options = [
    `-c.electronDist=${runtime.dist}`,
    `-c.directories.output=${output}`,
    '-c.electronFuses.enableNodeCliInspectArguments=true',
    // The carried runtime is older than package.json's Electron and has no integrity check to speak of.
    ...(runtime.old ? ['-c.electronVersion=25.1.1'] : []),
  ];
  execFileSync(builder, ['--linux', 'dir', '--publish', 'never', ...options], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const folder = join(output, 'linux-unpacked');
  return { folder, executable: join(folder, 'understudy') };
}
