import { join } from 'node:path';
import * as v from 'valibot';
import { DurableFile, readFolder } from '../journal/durable-file.ts';
import type { Log } from '../ports.ts';
import {
  compareEpoch,
  DrillResult,
  Epoch,
  FollowedChange,
  OpenChange,
  type PairRecord,
  PairSpec,
  TouchedCopy,
  VerifyResult,
  type VmState,
} from '../protocol/index.ts';
import { Print } from './changes/prints.ts';

/** What this member alone knows of its copy; survives crashes, is never sent as truth to others. */
export const LocalNotes = v.object({
  /** The guest is meant to run here while this host owns it; false once somebody shut it down on purpose. */
  wantRunning: v.boolean(),
  /** A switchover is shutting the guest down: its end is neither a fault nor somebody's wish. */
  moving: v.boolean(),
  /** Boot of the host during which the guest was last known to run here. */
  bootId: v.string(),
  /** The last epoch in which this host ran the guest by right, as long as its images are what came of that. */
  ranAt: v.nullable(Epoch),
  quarantine: v.nullable(v.object({ since: v.number(), ownEpoch: Epoch, supersededBy: Epoch })),
  /** Images set aside here; `keep`: a person's to discard, otherwise dropped once in sync again. */
  aside: v.array(
    v.object({
      path: v.string(),
      keep: v.boolean(),
      /** Disk whose present image lies on top of it: free of charge, but not to be deleted as it is. */
      under: v.optional(v.string()),
      /** What it takes on disk, and since when (wall clock, ms). */
      bytes: v.optional(v.number()),
      since: v.optional(v.number()),
    }),
  ),
  /**
   * What the images here are worth: a copy that was whole at some moment, half of one, or nothing. `point`: half of one,
   * with a whole one to go back to.
   */
  image: v.picklist(['none', 'partial', 'complete', 'point']),
  /**
   * With `image: point`: what that is (a sealed point of this copy, or the old disk under it), and the wall clock (ms) until
   * which it has everything; null when that is not known.
   */
  point: v.optional(
    v.nullable(v.object({ kind: v.picklist(['seal', 'under']), wholeUntil: v.nullable(v.number()) })),
  ),
  /** Names what the images were last made or compared to (CatchingUp in agent/replication). */
  generation: v.optional(v.nullable(v.string())),
  /** Owner: a person goes back to the other host's old copy; the guest stays down here meanwhile. */
  yielding: v.optional(v.boolean()),
  /** Owner: a person wants the other host as standby again, whatever lies there; tried until it is. In this epoch only. */
  wantsStandby: v.optional(v.nullable(Epoch)),
  /** Protection ended while the other member could not be told. */
  ended: v.boolean(),
  /** Trials of the copy here, newest first. */
  drills: v.optional(v.array(DrillResult), []),
  /** Owner: comparisons of the copy with the machine here, newest first. */
  verifies: v.optional(v.array(VerifyResult), []),
  /**
   * Owner: the copy was found to differ where nothing was known to be missing. Until everything has been compared or copied
   * anew it counts for nothing, and sending what is known to be missing does not mend it. In this epoch only.
   */
  distrusts: v.optional(v.nullable(Epoch)),
  /** What was last done to an external copy here, and in which epoch; `done` false: its end was not seen. */
  external: v.optional(
    v.object({
      verb: v.picklist(['state', 'promote', 'demote']),
      epoch: Epoch,
      at: v.number(),
      done: v.boolean(),
    }),
  ),
  /**
   * Forced epoch of the history in which this host was a member last: another history that has no place for it does not
   * decide about its copy. Missing in files of before.
   */
  history: v.optional(Epoch),
  /** Owner: changes of the machine behind our back that its standby does not have yet. */
  changed: v.optional(v.nullable(OpenChange)),
  /** Owner: those it has, newest first. */
  followed: v.optional(v.array(FollowedChange)),
  /** Standby: disks that came with a change, whose images were never made here. */
  unmade: v.optional(v.array(v.string())),
  /** Images here as they were seen last, by path: whoever touches them does so behind our back. */
  prints: v.optional(v.nullable(v.record(v.string(), v.nullable(Print)))),
  /** Standby: somebody did. Not believed until it was compared, or a person vouches for it. */
  touched: v.optional(v.nullable(TouchedCopy)),
});
export type LocalNotes = v.InferOutput<typeof LocalNotes>;

/**
 * `spec.members` in the file are those that this host's mirror and notes are about; who the members are says the record,
 * and `get` shows them (`context.alignMembers` makes the file follow).
 */
const KeptPair = v.object({ spec: PairSpec, notes: LocalNotes });
/** What lies in the pair's file here. The record is kept by the pair's voters (nodes.ts). */
export type KeptPair = v.InferOutput<typeof KeptPair>;
/** The same with the newest record this host knows. */
export type StoredPair = KeptPair & { record: PairRecord };

export const freshNotes = (bootId: string): LocalNotes => ({
  wantRunning: false,
  moving: false,
  bootId,
  ranAt: null,
  quarantine: null,
  aside: [],
  image: 'none',
  ended: false,
  drills: [],
  verifies: [],
});

/** Whether the owner's copy is one that was found to differ and has not been made good yet. */
export const isDistrusted = ({ distrusts }: LocalNotes, record: PairRecord | null): boolean =>
  distrusts != null && record !== null && compareEpoch(distrusts, record.epoch) === 0;

/** Whether the owner's machine has disks that its copy lacks, or has otherwise. */
export const lacksDisks = ({ changed }: LocalNotes): boolean => changed?.lacks === true;

/** States in which a guest's process exists. */
export const isLive = (state: VmState | null | undefined): boolean =>
  state === 'running' || state === 'paused' || state === 'shutting-down';

interface Slot {
  value: KeptPair;
  file: DurableFile<typeof KeptPair>;
  tail: Promise<unknown>;
}

/**
 * The pairs of this member on disk, one file each. Every change goes through `change`, which serialises the changes of
 * one pair and returns only once the new value is durable.
 */
export class PairStore {
  readonly #directory: string;
  readonly #log: Log;
  readonly #recordOf: (pairId: string) => PairRecord | null;
  readonly #slots = new Map<string, Slot>();
  readonly #listeners = new Set<(pairId: string) => void>();
  #closed = false;

  constructor(directory: string, log: Log, recordOf: (pairId: string) => PairRecord | null) {
    this.#directory = directory;
    this.#log = log;
    this.#recordOf = recordOf;
  }

  async load(): Promise<void> {
    for (const { file, read } of await readFolder(this.#directory, KeptPair, Date.now())) {
      // A pair that cannot be believed is unknown here, so nothing of it is started.
      if (!read.ok) this.#log('warn', read.problem.message);
      else this.#slots.set(read.value.spec.pairId, { value: read.value, file, tail: Promise.resolve() });
    }
  }

  /** Ends all writing, as the agent's end would; resolves once what was under way is on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#slots.values()].map((slot) => slot.tail));
  }

  /** Null also for a pair whose record is not known here (yet). */
  get(pairId: string): StoredPair | null {
    const kept = this.kept(pairId);
    const record = kept && this.#recordOf(pairId);
    return kept && record ? { ...kept, spec: { ...kept.spec, members: record.members }, record } : null;
  }

  kept(pairId: string): KeptPair | null {
    return this.#slots.get(pairId)?.value ?? null;
  }

  ids(): string[] {
    return [...this.#slots.keys()];
  }

  all(): StoredPair[] {
    return this.ids().flatMap((pairId) => this.get(pairId) ?? []);
  }

  ofVm(uuid: string): StoredPair | null {
    return this.all().find(({ spec, notes }) => !notes.ended && spec.workload.uuid === uuid) ?? null;
  }

  subscribe(listener: (pairId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Applies `mutate` to the current value; null from it changes nothing. Returns the value held afterwards. */
  change(pairId: string, mutate: (current: KeptPair | null) => KeptPair | null): Promise<KeptPair | null> {
    const slot = this.#slots.get(pairId);
    const run = async (): Promise<KeptPair | null> => {
      const current = this.kept(pairId);
      const next = this.#closed ? null : mutate(current);
      if (!next || next === current) return current;
      await this.#write(pairId, next);
      return next;
    };
    if (!slot) return run();
    const result = slot.tail.then(run, run);
    slot.tail = result.catch(() => undefined);
    return result;
  }

  async remove(pairId: string): Promise<void> {
    const slot = this.#slots.get(pairId);
    if (!slot || this.#closed) return;
    await slot.tail;
    await slot.file.remove();
    this.#slots.delete(pairId);
    this.#tell(pairId);
  }

  async #write(pairId: string, value: KeptPair): Promise<void> {
    const known = this.#slots.get(pairId);
    const file = known?.file ?? new DurableFile(join(this.#directory, `${pairId}.json`), KeptPair);
    await file.write(value);
    const slot = this.#slots.get(pairId);
    if (slot) slot.value = value;
    else this.#slots.set(pairId, { value, file, tail: Promise.resolve() });
    this.#tell(pairId);
  }

  #tell(pairId: string): void {
    for (const listener of this.#listeners) listener(pairId);
  }
}
