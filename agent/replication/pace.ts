import { join } from 'node:path';
import * as v from 'valibot';
import { DurableFile } from '../journal/durable-file.ts';
import type { Clock, Log } from '../ports.ts';
import { CopyLimit, type CopyLimitView, rateAt, UNLIMITED } from '../protocol/index.ts';

/** Whoever copies asks here how fast it may. */
export interface CopyPace {
  /**
   * From here on something is copied. `tell` hears at once, and at every change, how fast it may be done, bytes/s; null: as fast
   * as it goes. @returns what says that it has ended
   */
  join(tell: (bytesPerS: number | null) => void): () => void;
}

const MIB = 2 ** 20;
/** How often the timetable is looked at, ms: limits change on the hour. */
const LOOK_MS = 10_000;
/** However many share it, each gets on, bytes/s. */
const LEAST = 64 * 1024;

const Kept = v.object({ limit: CopyLimit });

/** The limit of one host for all its copies together: what was set, what holds now, and what each of them gets of it. */
export class Pace implements CopyPace {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #file: DurableFile<typeof Kept>;
  readonly #members = new Set<(bytesPerS: number | null) => void>();
  readonly #listeners = new Set<() => void>();
  #limit: CopyLimit = UNLIMITED;
  #now: number | null = null;
  #timer: { cancel(): void } | null = null;

  constructor({ stateDir, clock, log }: { stateDir: string; clock: Clock; log: Log }) {
    this.#clock = clock;
    this.#log = log;
    this.#file = new DurableFile(join(stateDir, 'copy-limit.json'), Kept);
  }

  async start(): Promise<void> {
    const read = await this.#file.read();
    if (read.ok) this.#limit = read.value?.limit ?? UNLIMITED;
    // Nothing is kept waiting because of a file that cannot be believed.
    else this.#log('warn', read.problem.message);
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  get view(): CopyLimitView {
    return { setting: this.#limit, nowMibPerS: this.#now };
  }

  /** Durable when it resolves; holds at once, for what is being copied too. */
  async set(limit: CopyLimit): Promise<void> {
    await this.#file.write({ limit });
    this.#limit = limit;
    this.#look();
    this.#tell();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  join(tell: (bytesPerS: number | null) => void): () => void {
    this.#members.add(tell);
    this.#share();
    return () => {
      if (this.#members.delete(tell)) this.#share();
    };
  }

  #look(): void {
    this.stop();
    this.#timer = this.#clock.setTimeout(() => this.#look(), LOOK_MS);
    const now = rateAt(this.#limit, this.#clock.now());
    if (now === this.#now) return;
    this.#now = now;
    this.#share();
    this.#tell();
  }

  #share(): void {
    const each =
      this.#now === null ? null : Math.max(LEAST, Math.floor((this.#now * MIB) / this.#members.size));
    for (const tell of this.#members) tell(each);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
