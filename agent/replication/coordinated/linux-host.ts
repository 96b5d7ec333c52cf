import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open, readFile, stat, unlink } from 'node:fs/promises';
import { fail, ok, type Problem } from '../../protocol/index.ts';
import { type CoordinatedHost, type SeenImage, tokenPath } from './host.ts';
import { checkCommand, runCommand } from './run-command.ts';

const LOCK_LIMIT_MS = 5_000;
const TOKEN = /^understudy-token 1 ([0-9a-f-]{8,64})\n$/;

/** A real host. `name`: as people know it, for messages. */
export function linuxCoordinatedHost(name: () => string): CoordinatedHost {
  return {
    async writeToken(image, token) {
      try {
        // In its place: a file that is renamed into place is found late by who keeps its directory in a cache (NFS).
        const file = await open(tokenPath(image), constants.O_WRONLY | constants.O_CREAT, 0o600);
        try {
          const text = Buffer.from(`understudy-token 1 ${token}\n`);
          await file.write(text, 0, text.length, 0);
          await file.truncate(text.length);
          await file.sync();
        } finally {
          await file.close();
        }
        return ok(undefined);
      } catch (error) {
        return fail(notWritten(image, name(), String(error)));
      }
    },

    async removeToken(image) {
      await unlink(tokenPath(image)).catch(() => undefined);
    },

    see: (image, locks) => see(image, locks),
    check: (command) => checkCommand(command, name()),
    run: (command, limitMs) => runCommand(command, limitMs, name()),
  };
}

async function see(image: string, locks: boolean): Promise<SeenImage> {
  const found = await stat(image, { bigint: true }).catch(() => null);
  if (!found?.isFile()) return { id: null, token: null, writable: false, lock: 'not-asked' };
  const text = await readFile(tokenPath(image), 'utf8').catch(() => '');
  const writable = await access(image, constants.W_OK).then(
    () => true,
    () => false,
  );
  return {
    id: String(found.ino),
    token: TOKEN.exec(text)?.[1] ?? null,
    writable,
    lock: locks ? await lockOf(image) : 'not-asked',
  };
}

/**
 * qemu-img opens it as a process would that wants to read: refused while a QEMU has it open for writing, on this host or, where
 * the file system carries locks between hosts, on another. The lock it takes itself is gone with it, after milliseconds.
 */
function lockOf(image: string): Promise<'locked' | 'free' | 'unknown'> {
  return new Promise((resolve) => {
    const options = { timeout: LOCK_LIMIT_MS, env: { PATH: process.env.PATH, LC_ALL: 'C' } };
    execFile('qemu-img', ['info', '--output=json', image], options, (error, _stdout, stderr) => {
      if (!error) resolve('free');
      else resolve(/Failed to get .*lock/.test(stderr) ? 'locked' : 'unknown');
    });
  });
}

const notWritten = (image: string, host: string, error: string): Problem => ({
  kind: 'token-not-written',
  message: `${host} cannot write beside ${image}, so nobody can tell whether the other host reaches the same files.`,
  next: `Look whether the storage is mounted for writing, and for root too (NFS: no_root_squash).`,
  details: { error },
});
