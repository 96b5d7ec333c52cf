import { fail, ok, type Problem } from '../../protocol/index.ts';
import { type CoordinatedHost, type SeenImage, tokenPath } from './host.ts';
import { checkCommand, runCommand } from './run-command.ts';
import { StorageTools } from './storage-tools.ts';

const TOKEN = /^understudy-token 1 ([0-9a-f-]{8,64})$/;
/** What lies at $1, whether it may be written to, and what the token beside it ($2) says: a line each. */
const SEE = `stat -L -c '%i %F' -- "$1" || exit 3
/usr/bin/test -w "$1" && echo writable || echo read-only
head -n 1 -- "$2" 2>/dev/null || true`;

/** A real host. `name`: as people know it, for messages. */
export function linuxCoordinatedHost(name: () => string, tools = new StorageTools()): CoordinatedHost {
  return {
    async writeToken(image, token) {
      const path = tokenPath(image);
      // In its place: a file that is renamed into place is found late by who keeps its directory in a cache (NFS).
      const argv: [string, ...string[]] = ['dd', `of=${path}`, 'conv=fsync', 'oflag=nofollow', 'status=none'];
      const written = await tools.run(image, argv, `understudy-token 1 ${token}\n`);
      if (written === null) return fail(hangs(image, name()));
      return written.code === 0 ? ok(undefined) : fail(notWritten(image, name(), written.stderr.trim()));
    },

    async removeToken(image) {
      await tools.run(image, ['rm', '-f', '--', tokenPath(image)]);
    },

    async see(image, locks): Promise<SeenImage> {
      const seen = await tools.run(image, ['sh', '-c', SEE, 'sh', image, tokenPath(image)]);
      const [what = '', writable = '', token = ''] = seen?.code === 0 ? seen.stdout.split('\n') : [];
      const [, id, kind] = /^(\d+) (.*)$/.exec(what) ?? [];
      if (id === undefined || !kind?.startsWith('regular')) return nothing;
      return {
        id,
        token: TOKEN.exec(token)?.[1] ?? null,
        writable: writable === 'writable',
        lock: locks ? await lockOf(tools, image) : 'not-asked',
      };
    },

    check: (command) => checkCommand(command, name()),
    run: (command, limitMs) => runCommand(command, limitMs, name()),
  };
}

const nothing: SeenImage = { id: null, token: null, writable: false, lock: 'not-asked' };

/**
 * qemu-io opens it for writing, as a machine's process would, and writes nothing: refused while a QEMU has it open, on this host
 * or, where the file system carries locks between hosts, on another. As raw, whatever it is: the lock is the file's, and what a
 * guest has written into it is not looked at. The lock qemu-io takes itself is gone with it, after milliseconds.
 */
async function lockOf(tools: StorageTools, image: string): Promise<SeenImage['lock']> {
  const asked = await tools.run(image, ['qemu-io', '-f', 'raw', '-c', 'quit', image]);
  if (asked?.code === 0) return 'free';
  return /Failed to get .*lock/.test(asked?.stderr ?? '') ? 'locked' : 'unknown';
}

const hangs = (image: string, host: string): Problem => ({
  kind: 'storage-hangs',
  message: `The storage of ${image} does not answer ${host}.`,
  next: `Look whether its server is up, and reached from ${host}.`,
});

const notWritten = (image: string, host: string, error: string): Problem => ({
  kind: 'token-not-written',
  message: `${host} cannot write beside ${image}, so nobody can tell whether the other host reaches the same files.`,
  next: `Look whether the storage is mounted for writing, and for root too (NFS: no_root_squash).`,
  details: { error: error.slice(0, 300) },
});
