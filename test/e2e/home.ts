import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The home of a person without keys, without an SSH agent and without a console so far. */
export interface Home {
  dir: string;
  sshDir: string;
  dataDir: string;
  /** For the console's process. */
  env: Record<string, string>;
  remove(): Promise<void>;
}

export async function makeHome(): Promise<Home> {
  const dir = await mkdtemp(join(tmpdir(), 'understudy-home-'));
  const sshDir = join(dir, '.ssh');
  await mkdir(sshDir, { mode: 0o700 });
  return {
    dir,
    sshDir,
    dataDir: join(dir, 'data'),
    env: { HOME: dir, SSH_AUTH_SOCK: '' },
    remove: () => rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}
