import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What this room uses of the person's own SSH set-up. */
export interface SshEnvironment {
  /** The person's `.ssh` folder. */
  sshDir: string;
  /** File with the keys of hosts that everybody on this workstation knows. */
  globalKnownHosts?: string;
  /** Unix socket, Windows pipe, or `pageant`; null when no agent runs. */
  agentSocket: string | null;
}

/** Windows' own OpenSSH agent (the optional service ssh-agent). */
const WINDOWS_AGENT_PIPE = '\\\\.\\pipe\\openssh-ssh-agent';

export function findSshEnvironment(
  home: string,
  variables: Record<string, string | undefined>,
  platform: NodeJS.Platform,
): SshEnvironment {
  const globalKnownHosts =
    platform === 'win32'
      ? join(variables.ProgramData ?? 'C:\\ProgramData', 'ssh', 'ssh_known_hosts')
      : '/etc/ssh/ssh_known_hosts';
  return { sshDir: join(home, '.ssh'), globalKnownHosts, agentSocket: findAgent(variables, platform) };
}

function findAgent(variables: Record<string, string | undefined>, platform: NodeJS.Platform): string | null {
  const named = variables.SSH_AUTH_SOCK;
  if (named !== undefined && named !== '') return named;
  if (platform !== 'win32') return null;
  return existsSync(WINDOWS_AGENT_PIPE) ? WINDOWS_AGENT_PIPE : 'pageant';
}

/** Text of a file in `.ssh`; '' when there is none. */
export async function readSshFile(environment: SshEnvironment, name: string): Promise<string> {
  try {
    return await readFile(join(environment.sshDir, name), 'utf8');
  } catch {
    return '';
  }
}

/** The system's known hosts and the person's own, in one text (ssh_config(5), GlobalKnownHostsFile). */
export async function readKnownHosts(environment: SshEnvironment): Promise<string> {
  const { globalKnownHosts } = environment;
  const global = globalKnownHosts ? await readFile(globalKnownHosts, 'utf8').catch(() => '') : '';
  return `${global}\n${await readSshFile(environment, 'known_hosts')}`;
}

/** Private keys in `.ssh`, those ssh tries by itself first. */
export async function findKeyFiles(environment: SshEnvironment): Promise<string[]> {
  const names = await readdir(environment.sshDir).catch(() => []);
  const keys: string[] = [];
  for (const name of names.sort(byUsualOrder)) {
    if (name.endsWith('.pub') || NO_KEYS.has(name)) continue;
    const text = (await readSshFile(environment, name)).slice(0, 4096);
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File-/m.test(text)) {
      keys.push(join(environment.sshDir, name));
    }
  }
  return keys;
}

const NO_KEYS = new Set(['config', 'known_hosts', 'known_hosts.old', 'authorized_keys', 'environment']);
const USUAL = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

function byUsualOrder(a: string, b: string): number {
  const rank = (name: string): number => (USUAL.indexOf(name) + 1 || USUAL.length + 1) - 1;
  return rank(a) - rank(b) || a.localeCompare(b);
}
