import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { DurableFile } from '../../journal/durable-file.ts';
import type { Log } from '../../ports.ts';
import { ExportAddress, PairId, VmUuid } from '../../protocol/index.ts';

const Order = v.object({
  pairId: PairId,
  vmUuid: VmUuid,
  disks: v.array(
    v.object({
      target: v.string(),
      path: v.string(),
      sizeBytes: v.number(),
      format: v.picklist(['qcow2', 'raw']),
    }),
  ),
  address: v.string(),
  remote: ExportAddress,
  patienceMs: v.optional(v.number()),
});

/** What an agent must remember of a mirror, because QEMU and the forwarder outlive it. */
export const SavedMirror = v.object({
  order: Order,
  /** Where QEMU's mirrors meet the forwarder, by disk target; empty before they were made. */
  sockets: v.record(v.string(), v.string()),
  /** The mirror exists, as far as is known. */
  live: v.boolean(),
  /** It was in sync: written before anybody is told so. */
  inSync: v.boolean(),
  endedInSync: v.boolean(),
  /** QEMU's nodes under the disks, by target. */
  devices: v.optional(v.record(v.string(), v.string())),
  /** Names the replica's content (CatchingUp). */
  generation: v.optional(v.nullable(v.string())),
  /** QEMU's bitmaps tell the distance to that generation. */
  tracked: v.optional(v.boolean()),
  /** The replica is being brought up to date; no mirror stands yet. */
  catchingUp: v.optional(v.boolean()),
  /** The guest was stopped for the last changes: whoever finds this lets it go on. */
  pausing: v.optional(v.boolean()),
});
export type SavedMirror = v.InferOutput<typeof SavedMirror>;

/** Where a mirror leads that was never made: of one that is not `live` only the distance is remembered. */
export const NOWHERE: Pick<SavedMirror['order'], 'address' | 'remote'> = {
  address: '',
  remote: { port: 0, serverName: '', exports: {}, heartbeat: '' },
};

/** One durable file per pair. */
export class SavedMirrors {
  readonly #directory: string;
  readonly #log: Log;
  readonly #files = new Map<string, DurableFile<typeof SavedMirror>>();

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  async read(): Promise<SavedMirror[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const found: SavedMirror[] = [];
    for (const name of names) {
      if (!name.endsWith('.mirror')) continue;
      const saved = await this.#file(name.slice(0, -'.mirror'.length)).read();
      if (saved.ok && saved.value) found.push(saved.value);
      else if (!saved.ok) this.#log('warn', saved.problem.message);
    }
    return found;
  }

  /** A mirror that ended with nothing to be remembered leaves no file. */
  async write(saved: SavedMirror): Promise<void> {
    const file = this.#file(saved.order.pairId);
    if (saved.live || saved.endedInSync || saved.tracked) await file.write(saved);
    else await file.remove().catch((error) => this.#log('debug', String(error)));
  }

  #file(pairId: string): DurableFile<typeof SavedMirror> {
    const known = this.#files.get(pairId);
    if (known) return known;
    const file = new DurableFile(join(this.#directory, `${pairId}.mirror`), SavedMirror);
    this.#files.set(pairId, file);
    return file;
  }
}
