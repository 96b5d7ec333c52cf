import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { Copier, Copiers } from '../copier/helper.ts';
import type { Source } from '../copier/jobs.ts';
import type { DigestStatus, ReplicaDisk } from '../replication.ts';

/** The digests of one host's replicas, made by processes of their own, one a pair. */
export class Digests {
  readonly #directory: string;
  readonly #copiers: Copiers;
  readonly #running = new Map<string, { copier: Copier; status: DigestStatus }>();

  constructor(directory: string, copiers: Copiers) {
    this.#directory = directory;
    this.#copiers = copiers;
  }

  path(pairId: string, target: string): string {
    return join(this.#directory, `${pairId}.${target}.theirs`);
  }

  /** @param source where a disk is read from */
  async begin(pairId: string, disks: ReplicaDisk[], source: (disk: ReplicaDisk) => Source): Promise<void> {
    this.stop(pairId);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.forget(pairId, disks);
    const copier = this.#copiers.start();
    const totalBytes = disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const status: DigestStatus = { doneBytes: 0, totalBytes, done: false, problem: null };
    this.#running.set(pairId, { copier, status });
    const job = {
      c: 'hash' as const,
      disks: disks.map((disk) => ({ source: source(disk), out: this.path(pairId, disk.target) })),
    };
    const progress = (doneBytes: number): void => void Object.assign(status, { doneBytes });
    void copier.run(job, progress).then((ended) => {
      copier.stop();
      if (ended.ok) Object.assign(status, { done: true, doneBytes: totalBytes });
      else status.problem = ended.problem;
    });
  }

  status(pairId: string): DigestStatus | null {
    return this.#running.get(pairId)?.status ?? null;
  }

  stop(pairId: string): void {
    this.#running.get(pairId)?.copier.stop();
    this.#running.delete(pairId);
  }

  stopAll(): void {
    for (const pairId of [...this.#running.keys()]) this.stop(pairId);
  }

  async forget(pairId: string, disks: ReplicaDisk[]): Promise<void> {
    for (const { target } of disks) await rm(this.path(pairId, target), { force: true });
  }

  /** Whether they were finished in this life of the agent. */
  ready(pairId: string): boolean {
    return this.status(pairId)?.done === true;
  }
}

/** Of an image that nobody writes meanwhile. */
export const imageItself = ({ path, format }: ReplicaDisk): Source => ({ kind: 'image', path, format });

/** Problem kind `image-missing` when one of the images is not there. */
export async function allThere(disks: ReplicaDisk[], host: string): Promise<Result<void>> {
  for (const { path } of disks) {
    const found = await stat(path).catch(() => null);
    if (found?.isFile()) continue;
    return fail({
      kind: 'image-missing',
      message: `The image ${path} is not there on ${host}.`,
      next: 'Start the copy again: everything is copied then.',
      details: { path },
    });
  }
  return ok(undefined);
}
