import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GuardFiles } from './files.ts';

const EPOCH = { n: 7, by: '' };
const UUID = '6f3e7a52-0000-4000-8000-000000000001';

it('replaces a permission whole, and leaves nothing beside', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'permission-'));
  try {
    const files = new GuardFiles(directory, directory);
    files.prepare();
    files.permit(UUID, { kind: 'standing', epoch: EPOCH });
    files.permit(UUID, { kind: 'deadline', epoch: EPOCH, ms: 5 });
    expect(await readFile(join(directory, 'guard', UUID), 'utf8')).toBe(
      'understudy-permission 1 7 - deadline 5\n',
    );
    expect(await readdir(join(directory, 'guard'))).toEqual([UUID]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
