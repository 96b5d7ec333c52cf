import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Places } from './places.ts';
import { NETWORK } from './places.ts';
import { must, run } from './run.ts';

const netnsFile = (places: Places): string => `/run/netns/${places.namespace}`;

/**
 * The command as it must be started to run inside the lab's network (on the "third machine", 10.77.0.1).
 * nsenter and not `ip netns exec`: the latter hides the cgroup mounts.
 */
export function inNamespace(places: Places, argv: readonly string[]): string[] {
  return ['nsenter', `--net=${netnsFile(places)}`, '--', ...argv];
}

export function namespaceExists(places: Places): boolean {
  return existsSync(netnsFile(places));
}

/** Makes the namespace with its bridge; does nothing where they are. */
export async function ensureNetwork(places: Places): Promise<void> {
  if (!namespaceExists(places)) await must(['ip', 'netns', 'add', places.namespace]);
  const ip = (...argv: string[]): Promise<string> => must(inNamespace(places, ['ip', ...argv]));
  const { bridge, bridgeMac, client, prefix } = NETWORK;
  if ((await run(inNamespace(places, ['ip', 'link', 'show', bridge]))).code === 0) return;
  await ip('link', 'set', 'lo', 'up');
  // A fixed MAC address: otherwise the bridge takes the lowest of its ports' and changes it with every cut.
  await ip('link', 'add', bridge, 'address', bridgeMac, 'type', 'bridge', 'forward_delay', '0');
  await ip('addr', 'add', `${client}/${prefix}`, 'dev', bridge);
  await ip('link', 'set', bridge, 'up');
  await writeCuts(places, []);
}

/** Only when nothing of the lab runs in it any more: the namespace vanishes with its bridge. */
export async function removeNetwork(places: Places): Promise<void> {
  if (namespaceExists(places)) await must(['ip', 'netns', 'delete', places.namespace]);
}

/** A severed direction: frames from one to the other are dropped. `client` is the namespace itself. */
export interface Cut {
  from: string;
  to: string;
}

export const CLIENT = 'client';
/** The bridge's port of a host, as systemd-nspawn names it. */
export const portOf = (host: string): string => `vb-${host}`;

/** Makes the bridge drop exactly these directions, in one transaction. */
export async function writeCuts(places: Places, cuts: readonly Cut[]): Promise<void> {
  const forward = cuts.filter((cut) => cut.from !== CLIENT && cut.to !== CLIENT);
  const input = cuts.filter((cut) => cut.to === CLIENT);
  const output = cuts.filter((cut) => cut.from === CLIENT);
  const lines = [
    'table bridge understudy {}',
    'delete table bridge understudy',
    'table bridge understudy {',
    'chain forward { type filter hook forward priority 0; policy accept;',
    ...forward.map((cut) => `iifname "${portOf(cut.from)}" oifname "${portOf(cut.to)}" drop`),
    '}',
    'chain input { type filter hook input priority 0; policy accept;',
    ...input.map((cut) => `iifname "${portOf(cut.from)}" drop`),
    '}',
    'chain output { type filter hook output priority 0; policy accept;',
    ...output.map((cut) => `oifname "${portOf(cut.to)}" drop`),
    '}',
    '}',
  ];
  await must(inNamespace(places, ['nft', '-f', '-']), { input: `${lines.join('\n')}\n` });
}

/** Processes that are in the lab's namespace, whoever started them. */
export async function namespaceUsers(places: Places): Promise<number[]> {
  const result = await run(['ip', 'netns', 'pids', places.namespace]);
  return result.stdout.split('\n').filter(Boolean).map(Number);
}

export async function processName(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'gone')).trim();
}
