import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DurableFile } from '../../../agent/journal/durable-file.ts';
import { freshState, VoterState } from '../../../agent/lease/acceptor.ts';

/** Where this workstation keeps how it voted, one state a pair. */
export interface VoterStore {
  /** Every pair it has voted on. What cannot be believed any more comes as a voter that abstains. */
  load(): Promise<Map<string, VoterState>>;
  /** Durable when it resolves. */
  write(pairId: string, state: VoterState): Promise<void>;
  remove(pairId: string): Promise<void>;
  /** Resolves when everything begun is written. */
  settled(): Promise<void>;
}

/** Files beside the console's database: a voter that forgot would be worse than none. */
export class FileVoters implements VoterStore {
  readonly #folder: string;
  readonly #files = new Map<string, DurableFile<typeof VoterState>>();
  readonly #now: () => number;

  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
  }

  async load(): Promise<Map<string, VoterState>> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const states = new Map<string, VoterState>();
    for (const name of await readdir(this.#folder)) {
      if (!name.endsWith('.json')) continue;
      const pairId = name.slice(0, -'.json'.length);
      states.set(pairId, (await this.#read(pairId)) ?? freshState(false));
    }
    return states;
  }

  write(pairId: string, state: VoterState): Promise<void> {
    return this.#file(pairId).write(state);
  }

  remove(pairId: string): Promise<void> {
    return this.#file(pairId).remove();
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.settled()));
  }

  /** Null when it cannot be believed: kept under another name, and never voted by. */
  async #read(pairId: string): Promise<VoterState | null> {
    const file = this.#file(pairId);
    const read = await file.read();
    if (read.ok) return read.value;
    await rename(file.path, `${file.path}.damaged-${this.#now()}`);
    return null;
  }

  #file(pairId: string): DurableFile<typeof VoterState> {
    const known = this.#files.get(pairId);
    const file = known ?? new DurableFile(join(this.#folder, `${pairId}.json`), VoterState);
    this.#files.set(pairId, file);
    return file;
  }
}

/** For the practice fleet, which is forgotten as a whole. */
export class MemoryVoters implements VoterStore {
  readonly #states = new Map<string, VoterState>();

  async load(): Promise<Map<string, VoterState>> {
    return new Map(this.#states);
  }

  async write(pairId: string, state: VoterState): Promise<void> {
    this.#states.set(pairId, state);
  }

  async remove(pairId: string): Promise<void> {
    this.#states.delete(pairId);
  }

  async settled(): Promise<void> {}
}
