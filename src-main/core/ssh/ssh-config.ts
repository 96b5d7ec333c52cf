import { glob, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import SSHConfig from 'ssh-config';
import { readSshFile, type SshEnvironment } from './environment.ts';

/** What ~/.ssh/config says of a host. */
export interface ConfiguredHost {
  /** Where to connect to: HostName, or what was asked for. */
  address: string;
  port: number | null;
  user: string | null;
  identityFiles: string[];
  /** Name under which its key is remembered; null: the address. */
  hostKeyAlias: string | null;
  /** ProxyJump or ProxyCommand as written; null when the host is reached directly. */
  jump: string | null;
}

/** The person's SSH configuration (ssh_config(5)), Include lines followed. */
export async function readSshConfig(environment: SshEnvironment): Promise<SshConfig> {
  const text = await expandIncludes(await readSshFile(environment, 'config'), environment, 0);
  try {
    return new SshConfig(SSHConfig.parse(text));
  } catch {
    // ssh itself stops at a damaged file; a console that can ask for the address has no need to.
    return new SshConfig(SSHConfig.parse(''));
  }
}

export class SshConfig {
  readonly #config: SSHConfig;

  constructor(config: SSHConfig) {
    this.#config = config;
  }

  lookup(name: string): ConfiguredHost {
    // Commands of "Match exec" are not run: looking a host up must not start programs.
    const found = this.#config.compute(name, { ignoreCase: true, matchExec: false });
    const one = (key: string): string | null => {
      const value = found[key];
      return (Array.isArray(value) ? value[0] : value) ?? null;
    };
    const all = (key: string): string[] => [found[key] ?? []].flat();
    const port = Number(one('port'));
    return {
      address: (one('hostname') ?? name).replaceAll('%h', name),
      port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : null,
      user: one('user'),
      identityFiles: all('identityfile').map(expandHome),
      hostKeyAlias: one('hostkeyalias'),
      jump: withoutNone(one('proxyjump')) ?? withoutNone(one('proxycommand')),
    };
  }

  /** Names a person can choose from: those without wildcards. */
  aliases(): string[] {
    const names = this.#config.flatMap((line) => {
      if (!('param' in line) || line.param.toLowerCase() !== 'host') return [];
      const values = Array.isArray(line.value)
        ? line.value.map((item) => (typeof item === 'string' ? item : item.val))
        : [line.value];
      return values.flatMap((value) => value.split(/\s+/));
    });
    return [...new Set(names.filter((name) => name !== '' && !/[*?!]/.test(name)))];
  }
}

function withoutNone(value: string | null): string | null {
  return value === null || value.toLowerCase() === 'none' ? null : value;
}

function expandHome(path: string): string {
  return path.replace(/^(~|%d)(?=[/\\])/, homedir());
}

/** ssh stops at 16 levels (readconf.c, READCONF_MAX_DEPTH). */
const MAX_DEPTH = 16;

async function expandIncludes(text: string, environment: SshEnvironment, depth: number): Promise<string> {
  if (depth >= MAX_DEPTH) return text;
  const lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const patterns = /^\s*Include[\s=]+(.+)$/i.exec(line)?.[1];
    if (patterns === undefined) lines.push(line);
    else lines.push(...(await included(patterns, environment, depth)));
  }
  return lines.join('\n');
}

async function included(patterns: string, environment: SshEnvironment, depth: number): Promise<string[]> {
  const texts: string[] = [];
  for (const pattern of patterns.trim().split(/\s+/)) {
    const path = expandHome(pattern.replaceAll('"', ''));
    for await (const file of glob(isAbsolute(path) ? path : join(environment.sshDir, path))) {
      const text = await readFile(file, 'utf8').catch(() => '');
      texts.push(await expandIncludes(text, environment, depth + 1));
    }
  }
  return texts;
}
