import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/host.ts';
import { SIMULATED_VERSION } from '../../../agent/hypervisor/simulated/view.ts';
import type { HostCommand } from '../deploy/host-command.ts';
import type * as commands from '../deploy/host-commands.ts';
import { AGENT_UNIT, FOLDER, GUARD, HOOK, RUN_FOLDER, STAGING, UNIT_FOLDER } from '../deploy/places.ts';
import type { MemoryFiles } from './memory-files.ts';
import type { Answer } from './ssh-server.ts';

/** What the commands of the deployment find and change on a practice host. */
export interface HostOfCommands {
  readonly name: string;
  readonly address: string;
  readonly user: string;
  readonly simulated: SimulatedHost;
  readonly files: MemoryFiles;
  readonly machineId: string;
  readonly stateDir: string;
  readonly peerPort: number;
  /** The agent is started at boot. */
  agentEnabled: boolean;
  startAgent(version: string): Promise<void>;
  stopAgent(): Promise<void>;
}

type Name = {
  [K in keyof typeof commands]: (typeof commands)[K] extends HostCommand<never, unknown> ? K : never;
}[keyof typeof commands];
type ParamsOf<K extends Name> = (typeof commands)[K] extends HostCommand<infer P, unknown> ? P : never;
/** Lines `key=value`; see `answersOf` of the deployment. */
type Said = [key: string, value: string | number][];
type Handlers = { [K in Name]: (host: HostOfCommands, params: ParamsOf<K>) => Said | Promise<Said> };

/** A command that ends with a message and status 1. */
class CommandFailed extends Error {}

/** What a Debian 12 host would answer to each command of the deployment. */
const handlers: Handlers = {
  look: (host) => [
    ['uid', 0],
    ['user', host.user],
    ['connection', `${host.address} 50000 ${host.address} 22`],
  ],
  becomeRoot: () => [['uid', 0]],
  inspect,
  startLibvirt: () => [],
  prepare,
  place,
  start,
  freeSpace: (host) => [['free', freeKib(host)]],
  remove,
};

/** The first line of every script of the deployment: its name, and its parameters as base64 of JSON. */
const MARK = /^: understudy ([a-z-]+) ([A-Za-z0-9+/=]*)\n/;

/** Answers a script by its name; there is no shell here. */
export async function answerScript(host: HostOfCommands, script: string): Promise<Answer> {
  const [, kebab, base64] = MARK.exec(script) ?? [];
  const name = kebab?.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (name === undefined || !(name in handlers)) return { code: 127, stdout: '', stderr: NO_SHELL };
  const handler = handlers[name as Name] as (host: HostOfCommands, params: unknown) => Said | Promise<Said>;
  try {
    const said = await handler(
      host,
      base64 ? JSON.parse(Buffer.from(base64, 'base64').toString()) : undefined,
    );
    return { code: 0, stdout: said.map(([key, value]) => `${key}=${value}\n`).join(''), stderr: '' };
  } catch (error) {
    if (error instanceof CommandFailed) return { code: 1, stdout: '', stderr: `${error.message}\n` };
    throw error;
  }
}

const NO_SHELL = 'A practice host has no shell: it knows the commands of the console only.\n';

async function inspect(host: HostOfCommands): Promise<Said> {
  const { simulated, files, stateDir } = host;
  const said: Said = [
    ['system', 'Linux'],
    ['machine', 'x86_64'],
    ['hostname', host.name],
    ['clock', Math.floor(simulated.world.clock.now() / 1000)],
    ['machine-id', host.machineId],
    ['os.id', 'debian'],
    ['os.version', '12'],
    ['os.name', 'Debian GNU/Linux 12 (bookworm)'],
    ['systemd', 'yes'],
    ['free', freeKib(host)],
    ['node.path', '/usr/bin/node'],
    ['node.version', '18.20.4'],
    ['libvirt', 'yes'],
    ['libvirt.active', 'libvirtd.service'],
    ['libvirt.version', SIMULATED_VERSION],
    ['vm-count', simulated.guests.size],
    ['port.peer', host.peerPort],
    ['port.replication', simulated.replicationPort],
  ];
  const version = files.get(`${FOLDER}/VERSION`)?.content.toString().trim();
  if (version === undefined) return said;
  const certificate = await readFile(join(stateDir, 'tls', 'host.crt')).catch(() => null);
  const identity = await readFile(join(stateDir, 'identity.json'), 'utf8').catch(() => '');
  const name = /"name":"([^"\\]*)"/.exec(identity)?.[1] ?? '';
  said.push(['agent.version', version], ['agent.role', 'hypervisor'], ['agent.name', name]);
  if (certificate) said.push(['agent.certificate', certificate.toString('base64')]);
  return said;
}

function prepare(host: HostOfCommands): Said {
  const { files } = host;
  files.removeTree(STAGING);
  files.makeFolder(STAGING);
  files.makeFolder(UNIT_FOLDER);
  const said: Said = [];
  for (const [path, file] of files.list())
    if (isAgentFile(path)) said.push(['present', `${sha256(file.content)} ${path}`]);
  const runtime = files.get(`${FOLDER}/RUNTIME`);
  if (runtime) said.push(['runtime', runtime.content.toString().trim()]);
  return said;
}

function place(host: HostOfCommands, params: ParamsOf<'place'>): Said {
  const { files } = host;
  for (const file of params.files) {
    const staged = files.get(`${STAGING}/${file.name}`);
    if (!staged || sha256(staged.content) !== file.sha256)
      throw new CommandFailed(`sha256sum: ${file.name}: FAILED`);
  }
  for (const file of params.files) files.rename(`${STAGING}/${file.name}`, file.to);
  files.put(`${FOLDER}/RUNTIME`, { mode: 0o644, content: Buffer.from(`${params.runtime}\n`) });
  files.removeTree(STAGING);
  return [];
}

async function start(host: HostOfCommands, params: ParamsOf<'start'>): Promise<Said> {
  if (!host.files.get(`${FOLDER}/agent.cjs`)) throw new CommandFailed(`Unit ${AGENT_UNIT} not found.`);
  if (params.restart) await host.stopAgent();
  await host.startAgent(params.version);
  host.agentEnabled = true;
  host.files.put(`${FOLDER}/VERSION`, { mode: 0o644, content: Buffer.from(`${params.version}\n`) });
  return [];
}

async function remove(host: HostOfCommands, params: ParamsOf<'remove'>): Promise<Said> {
  host.agentEnabled = false;
  await host.stopAgent();
  for (const folder of [FOLDER, RUN_FOLDER]) host.files.removeTree(folder);
  for (const [path] of host.files.list()) if (isAgentFile(path)) host.files.remove(path);
  if (!params.keepHistory) await rm(host.stateDir, { recursive: true, force: true });
  return [];
}

const isAgentFile = (path: string): boolean =>
  path === `${FOLDER}/agent.cjs` ||
  path === `${FOLDER}/VERSION` ||
  path === GUARD ||
  path === HOOK ||
  (path.startsWith(`${UNIT_FOLDER}/understudy-`) && path.endsWith('.service'));
const freeKib = (host: HostOfCommands): number => Math.floor(host.simulated.freeDiskBytes() / 1024);
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
