import { join } from 'node:path';
import { DurableFile, readFolder } from '../journal/durable-file.ts';
import { ok, type Result } from '../protocol/index.ts';
import { VoterState } from './acceptor.ts';

/** Where one place (a host, a workstation) keeps how it voted, one state a pair. */
export interface VoteStore {
  /** Every pair it has voted on; a problem for one whose state cannot be believed any more. */
  load(): Promise<Map<string, Result<VoterState>>>;
  /** Durable when it resolves; rejects when old or new may be on disk. */
  write(pairId: string, state: VoterState): Promise<void>;
  remove(pairId: string): Promise<void>;
  /** Resolves when everything begun has ended, well or not. */
  settled(): Promise<void>;
}

/** A durable file a pair: a voter that forgot would be worse than none. */
export class VoteFiles implements VoteStore {
  readonly #folder: string;
  readonly #files = new Map<string, DurableFile<typeof VoterState>>();
  readonly #now: () => number;

  /** `now`: wall clock, ms; names what was damaged. */
  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
  }

  async load(): Promise<Map<string, Result<VoterState>>> {
    const stored = await readFolder(this.#folder, VoterState, this.#now());
    for (const { id, file } of stored) this.#files.set(id, file);
    return new Map(stored.map(({ id, read }) => [id, read]));
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

  /** One a pair, so that its writes and its removal come one after the other. */
  #file(pairId: string): DurableFile<typeof VoterState> {
    const known = this.#files.get(pairId);
    const file = known ?? new DurableFile(join(this.#folder, `${pairId}.json`), VoterState);
    this.#files.set(pairId, file);
    return file;
  }
}

/** For the practice fleet, which is forgotten as a whole, and for specs. */
export class MemoryVotes implements VoteStore {
  readonly #states = new Map<string, VoterState>();

  async load(): Promise<Map<string, Result<VoterState>>> {
    return new Map([...this.#states].map(([pairId, state]) => [pairId, ok(state)]));
  }

  async write(pairId: string, state: VoterState): Promise<void> {
    this.#states.set(pairId, state);
  }

  async remove(pairId: string): Promise<void> {
    this.#states.delete(pairId);
  }

  async settled(): Promise<void> {}
}
