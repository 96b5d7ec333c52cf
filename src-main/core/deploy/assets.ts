import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { fail, ok, type Result } from '../../../agent/protocol/index.ts';
import { FOLDER, UNIT_FOLDER } from './places.ts';
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

/** What can be installed: read once, from the folder that comes with the console. */
export class AgentAssets {
  readonly version: string;
  /** Agent and units: needed on every host. */
  readonly common: Asset[];
  readonly #runtimes: Map<string, Asset>;

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
    const assets = Object.entries(manifest.files).flatMap(([path, file]): Asset[] => {
      const where = destinationOf(path);
      return where === null ? [] : [{ from: join(folder, path), name: basename(path), ...file, ...where }];
    });
    this.common = assets.filter((asset) => !asset.packed);
    this.#runtimes = new Map(assets.filter((asset) => asset.packed).map((asset) => [asset.name, asset]));
  }

  /** The private Node.js for `uname -m`; null when this console brings none for it. */
  runtimeFor(machine: string): Asset | null {
    const arch = ARCHITECTURES[machine];
    return arch === undefined ? null : (this.#runtimes.get(`node-linux-${arch}.gz`) ?? null);
  }
}

/** Node's names for what `uname -m` says. */
export const ARCHITECTURES: Record<string, string> = { x86_64: 'x64', aarch64: 'arm64' };

function destinationOf(path: string): Pick<Asset, 'to' | 'mode' | 'packed'> | null {
  if (/^agent\.cjs(\.LEGAL\.txt)?$/.test(path))
    return { to: `${FOLDER}/${path}`, mode: '644', packed: false };
  if (/^systemd\/[a-z-]+\.service$/.test(path)) {
    return { to: `${UNIT_FOLDER}/${basename(path)}`, mode: '644', packed: false };
  }
  if (/^runtimes\/node-linux-[a-z0-9]+\.gz$/.test(path)) {
    return { to: `${FOLDER}/node`, mode: '755', packed: true };
  }
  return null;
}
