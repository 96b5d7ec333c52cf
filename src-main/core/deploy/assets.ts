import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { fail, type HostRole, ok, type Result } from '../../../agent/protocol/index.ts';
import { FOLDER, GUARD, HOOK, UNIT_FOLDER } from './places.ts';
import { noAssets } from './problems.ts';

/** manifest.json beside the built agent, written by src-main/scripts/build-agent. */
const Manifest = v.object({
  /** Version and build id, as the agent itself tells it. */
  version: v.string(),
  files: v.record(v.string(), v.object({ sha256: v.string(), bytes: v.number() })),
});

export interface Asset {
  /** On this machine. */
  from: string;
  /** File name. */
  name: string;
  sha256: string;
  bytes: number;
  /** On the host, installed. */
  to: string;
  mode: string;
  packed: boolean;
}

/** What needs a file: every host, one that runs machines, or its guard. A runtime is chosen for each host. */
type Part = 'common' | 'hypervisor' | 'guard' | 'runtime';

/** What can be installed: read once, from the folder that comes with the console. */
export class AgentAssets {
  readonly version: string;
  readonly #parts: Record<Part, Asset[]> = { common: [], hypervisor: [], guard: [], runtime: [] };

  static async open(folder: string): Promise<Result<AgentAssets>> {
    try {
      const text = await readFile(join(folder, 'manifest.json'), 'utf8');
      return ok(new AgentAssets(folder, v.parse(Manifest, JSON.parse(text))));
    } catch (error) {
      return fail(noAssets(error instanceof Error ? error.message : String(error)));
    }
  }

  private constructor(folder: string, manifest: v.InferOutput<typeof Manifest>) {
    this.version = manifest.version;
    for (const [path, file] of Object.entries(manifest.files)) {
      const where = destinationOf(path);
      if (where === null) continue;
      const { part, packed = false, ...place } = where;
      this.#parts[part].push({ from: join(folder, path), name: basename(path), ...file, ...place, packed });
    }
  }

  /**
   * Everything but the runtime for a host of that role and `uname -m`. A console that brings no guard for its processor
   * leaves alone what an older one has put there.
   */
  filesFor(role: HostRole, machine: string): Asset[] {
    const { common, hypervisor, guard } = this.#parts;
    if (role === 'witness') return common;
    const own = `guard-linux-${ARCHITECTURES[machine]}`;
    if (!guard.some((asset) => asset.name === own)) return [...common, ...hypervisor];
    return [...common, ...hypervisor, ...guard.filter((asset) => asset.to !== GUARD || asset.name === own)];
  }

  /** The private Node.js for `uname -m`; null when this console brings none for it. */
  runtimeFor(machine: string): Asset | null {
    const name = `node-linux-${ARCHITECTURES[machine]}.gz`;
    return this.#parts.runtime.find((asset) => asset.name === name) ?? null;
  }
}

/** Node's names for what `uname -m` says. */
export const ARCHITECTURES: Record<string, string> = { x86_64: 'x64', aarch64: 'arm64' };

interface Place {
  part: Part;
  to: string;
  mode: string;
  packed?: boolean;
}

/** Units that only a host with a guard has. */
const UNITS_OF_GUARD = new Set(['understudy-guard.service', 'understudy-shutdown.service']);

function destinationOf(path: string): Place | null {
  const name = basename(path);
  if (/^agent\.cjs(\.LEGAL\.txt)?$/.test(path))
    return { part: 'common', to: `${FOLDER}/${path}`, mode: '644' };
  if (/^systemd\/[a-z-]+\.service$/.test(path)) {
    return { part: UNITS_OF_GUARD.has(name) ? 'guard' : 'common', to: `${UNIT_FOLDER}/${name}`, mode: '644' };
  }
  if (/^guard\/guard-linux-[a-z0-9]+$/.test(path)) return { part: 'guard', to: GUARD, mode: '755' };
  if (path === 'hooks/qemu-hook.sh') return { part: 'hypervisor', to: HOOK, mode: '755' };
  if (/^runtimes\/node-linux-[a-z0-9]+\.gz$/.test(path)) {
    return { part: 'runtime', to: `${FOLDER}/node`, mode: '755', packed: true };
  }
  return null;
}
