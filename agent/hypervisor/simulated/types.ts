import type { VmInfo, VmState } from '../../protocol/index.ts';
import type { ParsedDomain } from './domain-text.ts';

export const GIB = 1024 ** 3;
export const IMAGE_FOLDER = '/var/lib/libvirt/images';

/** A disk image; survives a loss of power. */
export interface SimulatedImage {
  path: string;
  sizeBytes: number;
  allocatedBytes: number;
  /** Number of the newest write it holds, and with it all before. */
  version: number;
  /** False while a full copy has not reached its end: a mixture nobody can start from. */
  complete: boolean;
  /** Of a restore point: the newest write a client had been told is safe when it was made. */
  promised?: number;
  /** A restore point was put here by a person's order, and its machine has not run yet: this much was promised of it. */
  fromPoint?: number;
  /** Name of what it was last brought up to as a replica (CatchingUp). */
  generation?: string;
  /** Bytes of a replica that have become others than they were sent: its disk's fault, or somebody's. */
  damagedBytes?: number;
  /** Tells it from another file at its path; left out of one that was never replaced. */
  serial?: number;
  /** How often somebody else than its machine or the agents wrote to it. */
  tampered?: number;
  /** What an agent wrote beside it last. */
  token?: string;
  /** Nobody may write to it: the side of a replication that only receives. */
  readOnly?: boolean;
  /** Somebody else's replication takes each write; false: it waits. */
  replicate?: (version: number) => boolean;
}

/** What stands between a running guest's writes and their acknowledgement: the mirror. */
export interface WriteTap {
  /** True while writes wait because the replica cannot be reached. */
  readonly held: boolean;
  /** Passes on one write; the guest hears of it only after this returned. */
  pass(version: number): void;
  /** Somebody ended its job in the machine's own monitor. */
  cancelled(): void;
  /** The guest's process ended. */
  guestEnded(orderly: boolean): void;
}

export interface SimulatedGuest {
  domain: ParsedDomain;
  state: VmState;
  autostart: boolean;
  /** Requests to shut down that it still misses, as a guest does that is just starting up. */
  misses?: number;
  pause?: VmInfo['pause'];
  /** Stopped here by a migration of another tool. */
  away?: boolean;
  /** Undefined by hand while it runs. */
  transient?: boolean;
  /** Wall clock, ms; null while stopped. */
  startedAt: number | null;
  /** Known by its address: the guest's own system is up. */
  booted: boolean;
  tap: WriteTap | null;
  /** Its process was stopped by a signal (the guard's): the hypervisor still says what it said before. */
  halted?: boolean;
}

/** What a host shows to the world and to the mirrors that end on it. */
export interface Member {
  readonly name: string;
  readonly powered: boolean;
  /** By which a mirror's order finds its other end. */
  readonly replicationPort: number;
  readonly images: Map<string, SimulatedImage>;
  /** Images offered to a primary, by pair; the storage daemon's, gone with the power. */
  readonly exports: Map<string, Set<string>>;
  /** Of images that acknowledge from memory: the version that is on disk, by path, by pair. Gone with the power. */
  readonly inMemory: Map<string, Map<string, number>>;
  /** How long it takes for a write that is mirrored to it, ms. */
  readonly answerMs: number;
  /** Pairs whose images here ended uncleanly: a marker on its disk. */
  readonly unclean: Set<string>;
  freeDiskBytes(): number;
  /** The guest's process is there and not stopped. */
  runs(uuid: string): boolean;
}
