import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { DurableFile, readFolder } from '../../journal/durable-file.ts';
import type { Log } from '../../ports.ts';
import { PairId, RestorePoint } from '../../protocol/index.ts';

const Files = v.record(v.string(), v.string());

/** What this host keeps of one pair's points. What is not in here is no point, whatever lies on the disk. */
export const Manifest = v.object({
  pairId: PairId,
  /** In the names of the layer's files that is being written; null when none is. */
  layer: v.nullable(v.string()),
  /** Oldest first; each lies on the one before. `files` by disk target. */
  points: v.array(v.object({ ...RestorePoint.entries, files: Files })),
  /** A point is being given up: the one above it, by its id, is written into its files, and takes them over. */
  merging: v.nullable(v.object({ id: v.string(), into: Files })),
  /** Point over which an empty layer lies at the disks' own places. */
  surfaced: v.nullable(v.string()),
  /** Point under a copy of its own at those places: what was newer belongs to a past that was left. */
  ground: v.nullable(v.string()),
  /** An old disk under the oldest point, which is none itself; by disk target. */
  base: v.optional(v.nullable(Files), null),
  /** Files of the points that were forgotten when it was put there. */
  left: v.optional(v.array(v.string()), []),
});
export type Manifest = v.InferOutput<typeof Manifest>;
export type KeptPoint = Manifest['points'][number];

/** Of all points, and of one that is being given up. */
export const filesOfPoints = ({ points, merging }: Manifest): string[] =>
  [...points.map((point) => point.files), merging?.into ?? {}].flatMap(Object.values<string>);

/** One durable file a pair. */
export class Manifests {
  readonly #directory: string;
  readonly #log: Log;
  readonly #known = new Map<string, { file: DurableFile<typeof Manifest>; value: Manifest }>();

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  async load(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const { file, read } of await readFolder(this.#directory, Manifest, Date.now())) {
      // Points nobody can tell of are none; their files stay for a person.
      if (!read.ok) this.#log('warn', read.problem.message);
      else this.#known.set(read.value.pairId, { file, value: read.value });
    }
  }

  get(pairId: string): Manifest {
    return (
      this.#known.get(pairId)?.value ?? {
        pairId,
        layer: null,
        points: [],
        merging: null,
        surfaced: null,
        ground: null,
        base: null,
        left: [],
      }
    );
  }

  has(pairId: string): boolean {
    return this.#known.has(pairId);
  }

  /** Durable when it resolves. */
  async write(value: Manifest): Promise<void> {
    const { pairId } = value;
    const file =
      this.#known.get(pairId)?.file ?? new DurableFile(join(this.#directory, `${pairId}.json`), Manifest);
    await file.write(value);
    this.#known.set(pairId, { file, value });
  }

  async remove(pairId: string): Promise<void> {
    await this.#known.get(pairId)?.file.remove();
    this.#known.delete(pairId);
  }
}
