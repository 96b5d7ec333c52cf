import { join } from 'node:path';
import * as v from 'valibot';
import { DurableFile, readFolder } from '../../journal/durable-file.ts';
import type { Log } from '../../ports.ts';
import { PairId, VmUuid } from '../../protocol/index.ts';

/** That a guest stands still for a point. Whoever finds it so lets it go on. */
const Stillness = v.object({ pairId: PairId, vmUuid: VmUuid, frozen: v.boolean(), stopped: v.boolean() });
export type Stillness = v.InferOutput<typeof Stillness>;

/** One durable file a pair, there only while its guest stands still. */
export class StillnessFiles {
  readonly #directory: string;
  readonly #log: Log;
  readonly #files = new Map<string, DurableFile<typeof Stillness>>();

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  async read(): Promise<Stillness[]> {
    const found: Stillness[] = [];
    for (const { file, id, read } of await readFolder(this.#directory, Stillness, Date.now())) {
      this.#files.set(id, file);
      if (read.ok) found.push(read.value);
      else this.#log('warn', read.problem.message);
    }
    return found;
  }

  /** Durable when it resolves. */
  async write(now: Stillness): Promise<void> {
    const file =
      this.#files.get(now.pairId) ?? new DurableFile(join(this.#directory, `${now.pairId}.json`), Stillness);
    this.#files.set(now.pairId, file);
    if (now.frozen || now.stopped) await file.write(now);
    else await file.remove();
  }
}
