import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceDurably, syncPath } from '../../journal/durable-file.ts';

/**
 * Replicas that acknowledge writes from memory (no write-through). Each has a marker on disk from before its first
 * acknowledgement until everything was put on disk in order. A marker whose replica nobody has open tells that whoever had it
 * open ended uncleanly: what it had acknowledged may be missing. There is nothing in the file to be believed: that it is there
 * is what counts.
 */
export class UncleanMarkers {
  readonly #directory: string;
  readonly #marked = new Set<string>();
  readonly #unclean = new Set<string>();
  readonly #told: (pairId: string) => void;

  /** @param told of each replica that was found to have ended uncleanly */
  constructor(directory: string, told: (pairId: string) => void) {
    this.#directory = directory;
    this.#told = told;
  }

  /** @param isOpen whether the daemon still has the pair's images open */
  async load(isOpen: (pairId: string) => boolean): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    // A marker in a directory that is not there after a crash is none.
    await syncPath(dirname(this.#directory));
    // What `replaceDurably` had not yet renamed was before the first acknowledgement.
    const names = (await readdir(this.#directory)).filter((name) => !name.endsWith('.new'));
    for (const pairId of names) {
      this.#marked.add(pairId);
      if (!isOpen(pairId)) this.ended(pairId);
    }
  }

  /** It acknowledges from memory, or did until it ended uncleanly. */
  has(pairId: string): boolean {
    return this.#marked.has(pairId);
  }

  isUnclean(pairId: string): boolean {
    return this.#unclean.has(pairId);
  }

  /** Durable when it resolves: only then may a write be acknowledged from memory. */
  async set(pairId: string): Promise<void> {
    if (this.#marked.has(pairId)) return;
    await replaceDurably(join(this.#directory, pairId), '');
    this.#marked.add(pairId);
  }

  /** Everything it acknowledged is on disk, or it counts for nothing any more. */
  async clear(pairId: string): Promise<void> {
    if (!this.#marked.has(pairId)) return;
    await rm(join(this.#directory, pairId), { force: true });
    await syncPath(this.#directory);
    this.#marked.delete(pairId);
    this.#unclean.delete(pairId);
  }

  /** Nobody has it open any more, and it was not closed in order. */
  ended(pairId: string): void {
    if (!this.#marked.has(pairId) || this.#unclean.has(pairId)) return;
    this.#unclean.add(pairId);
    this.#told(pairId);
  }

  /** Whoever had all of them open is gone. */
  allEnded(): void {
    for (const pairId of this.#marked) this.ended(pairId);
  }
}
