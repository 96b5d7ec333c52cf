import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably, syncPath } from '../journal/durable-file.ts';
import type { Log } from '../ports.ts';
import type { PairStore } from './store.ts';

const ENDING = '.xml';

export interface ByHandDeps {
  /** `/var/lib/understudy/by-hand`. */
  directory: string;
  store: Pick<PairStore, 'ids' | 'kept' | 'subscribe'>;
  /** This host's id; null until it is enrolled. */
  self(): string | null;
  log: Log;
}

/**
 * The definition with which each machine is started on this host, as a plain file a pair (`PAIR.xml`, for `virsh define`): for
 * a person who has to do it by hand because no agent is left (docs/runbook.md). Nobody reads it but that person. It may hold
 * secrets as any definition does, so it is root's alone, and the runbook names the file instead of its text.
 */
export class ByHand {
  readonly #deps: ByHandDeps;
  readonly #written = new Map<string, string>();
  #tail: Promise<void> = Promise.resolve();

  constructor(deps: ByHandDeps) {
    this.#deps = deps;
  }

  /** Once the pairs are known. @returns what ends it */
  start(): () => void {
    const { store } = this.#deps;
    this.#inTurn(() => this.#clear());
    for (const pairId of store.ids()) this.#look(pairId);
    return store.subscribe((pairId) => this.#look(pairId));
  }

  /** Resolves once everything asked for so far is on disk, or could not be written. */
  settled(): Promise<void> {
    return this.#tail;
  }

  #look(pairId: string): void {
    this.#inTurn(() => this.#follow(pairId));
  }

  async #follow(pairId: string): Promise<void> {
    const text = this.#textOf(pairId);
    if (text === (this.#written.get(pairId) ?? null)) return;
    if (text === null) {
      await rm(this.#file(pairId), { force: true });
      await syncPath(this.#deps.directory);
      this.#written.delete(pairId);
    } else {
      await replaceDurably(this.#file(pairId), text);
      this.#written.set(pairId, text);
    }
  }

  /** What is left of pairs that ended while no agent ran. */
  async #clear(): Promise<void> {
    const { directory } = this.#deps;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(directory))
      if (!name.endsWith(ENDING) || this.#textOf(name.slice(0, -ENDING.length)) === null)
        await rm(join(directory, name), { force: true });
  }

  #textOf(pairId: string): string | null {
    const kept = this.#deps.store.kept(pairId);
    const self = this.#deps.self();
    if (kept === null || self === null || kept.notes.ended) return null;
    return kept.spec.definitions[self] ?? null;
  }

  #file(pairId: string): string {
    return join(this.#deps.directory, `${pairId}${ENDING}`);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#tail = this.#tail
      .then(work)
      .catch((error) => this.#deps.log('warn', `definitions for by hand: ${String(error)}`));
  }
}
