import { chmod, chown, mkdir, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Log } from '../ports.ts';
import { fail, ok, type Result } from '../protocol/index.ts';

/** Whose members may talk to the agent besides root: the person's account, put there at deployment. */
const GROUP = 'understudy';
/** Consoles at a time; each needs some memory, and a host has few operators. */
const MAX_CONSOLES = 16;

/** Listens for consoles on a unix socket that root and GROUP may open. */
export async function serveConsoles(
  path: string,
  attach: (stream: Socket) => void,
  log: Log,
): Promise<Result<Server>> {
  await mkdir(dirname(path), { recursive: true });
  await chmod(dirname(path), 0o755);
  if (await answers(path)) return fail(alreadyRunning(path));
  await rm(path, { force: true });
  const server = createServer(attach);
  server.maxConnections = MAX_CONSOLES;
  server.on('drop', () => log('warn', `a console was turned away: ${MAX_CONSOLES} are attached`));
  const error = await new Promise<Error | null>((resolve) => {
    server.once('error', resolve);
    server.listen(path, () => resolve(null));
  });
  if (error !== null) return fail(notOpened(path, error.message));
  server.on('error', (fault) => log('warn', `console socket: ${fault.message}`));
  // Until here the process's umask kept everybody else out.
  const gid = groupId(await readFile('/etc/group', 'utf8').catch(() => ''), GROUP);
  if (gid === null) log('info', `there is no group ${GROUP}: only root can attach a console`);
  else await chown(path, process.getuid?.() ?? 0, gid);
  await chmod(path, gid === null ? 0o600 : 0o660);
  return ok(server);
}

/** The id of a group in the text of group(5). */
export function groupId(text: string, name: string): number | null {
  const fields = text
    .split('\n')
    .map((line) => line.split(':'))
    .find(([group]) => group === name);
  const id = Number(fields?.[2]);
  return fields !== undefined && Number.isInteger(id) ? id : null;
}

/** A socket file may be what a killed agent left behind: only one that is answered is in use. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const alreadyRunning = (path: string) => ({
  kind: 'agent-runs',
  message: `Another agent listens on ${path} already.`,
  next: 'Look with "systemctl status understudy-agent" what runs it; one host needs only one.',
});

const notOpened = (path: string, why: string) => ({
  kind: 'console-socket',
  message: `The socket ${path} cannot be opened: ${why}`,
  next: 'Check that the directory exists, belongs to root, and that its file system is not full.',
});
