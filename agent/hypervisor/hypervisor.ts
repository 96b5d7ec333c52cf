import type { Check, HypervisorKind, Result, VmInfo } from '../protocol/index.ts';
import type { LiveMigration } from './migration.ts';
import type { Outline } from './outline.ts';

/** What happened to a guest, as told by the hypervisor itself. */
export type HypervisorEvent =
  /** The guest's `VmInfo` changed; null when it is no longer defined. */
  | { kind: 'vm'; uuid: string; vm: VmInfo | null }
  /** The hypervisor daemon came or went. */
  | { kind: 'reachable'; reachable: boolean }
  /** The guest's QEMU process ended. */
  | { kind: 'stopped'; uuid: string; reason: 'shutdown' | 'destroyed' | 'crashed' | 'failed' | 'migrated' }
  /** Its definition was made or changed, maybe without anything of the running machine. */
  | { kind: 'defined'; uuid: string }
  /** QEMU's own event for one guest (QMP schema), for those who drive its block layer. */
  | { kind: 'qmp'; uuid: string; event: string; data: unknown };

/** A guest's definition with what other rooms need to know of it. */
export interface VmDefinition {
  uuid: string;
  name: string;
  /**
   * The hypervisor's own text (libvirt: inactive, migratable, security info), with the disks that the machine uses now where
   * it runs and they are others.
   */
  text: string;
  disks: {
    target: string;
    path: string;
    format: string;
    sizeBytes: number;
    /** What the image takes on the host's file system now; left out where nobody can tell. */
    allocatedBytes?: number;
    readOnly: boolean;
    device: string;
  }[];
}

/** A disk with content of its own, which a copy needs. */
export const isCopied = ({ device, readOnly }: { device: string; readOnly: boolean }): boolean =>
  device === 'disk' && !readOnly;

/** `elsewhere`: somebody else keeps the copy, at the same paths on both hosts; it needs no room, and may be a block device. */
export type CopyKept = 'ours' | 'elsewhere';

/**
 * The guests of one host. One implementation per hypervisor; every expected failure is a Result.
 * Calls never block on a frozen guest's monitor except `monitor` and `shutdown`.
 */
export interface Hypervisor {
  readonly kind: HypervisorKind;
  /** Connects and keeps the connection; resolves after the first attempt, reachable or not. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly reachable: boolean;
  readonly version: string;
  /** Moving a running guest's memory; null where that cannot be done. */
  readonly migration: LiveMigration | null;
  subscribe(listener: (event: HypervisorEvent) => void): () => void;
  /** All defined guests, from the live cache. */
  list(): VmInfo[];
  /** CPU, memory and address figures into the cache (raises `vm` events for those that moved). */
  refreshLoad(): Promise<void>;
  definition(uuid: string): Promise<Result<VmDefinition>>;
  /** The definition with the images of its disks (by target) at other paths. */
  withDisks(text: string, paths: Record<string, string>): string;
  /** What two definitions are compared by; null when the text is none. */
  outline(text: string): Outline | null;
  define(text: string): Promise<Result<void>>;
  undefine(uuid: string): Promise<Result<void>>;
  run(uuid: string): Promise<Result<void>>;
  /**
   * The guest's process, without its first instruction (`VmInfo.pause` is `not-started`): everything that can fail at a
   * start has happened then. `resume` lets it run.
   */
  prepareRun(uuid: string): Promise<Result<void>>;
  /** Lets a paused guest go on. Ok when it runs already. */
  resume(uuid: string): Promise<Result<void>>;
  /** Asks the guest to shut down; returns at once, `stopped` tells the end. */
  shutdown(uuid: string): Promise<Result<void>>;
  /** Ends the guest at once, as if its plug were pulled. */
  destroy(uuid: string): Promise<Result<void>>;
  /**
   * Stops the guest's process where it stands (SIGSTOP), without asking its monitor: a frozen copy neither serves nor
   * writes. `destroy` must end a frozen guest too (SIGKILL). Ok when it does not run.
   */
  freeze(uuid: string): Promise<Result<void>>;
  /** Whether the guest agent inside a running guest answers now; false also where there is none. */
  guestAnswers(uuid: string): Promise<boolean>;
  /**
   * Its file systems come to rest (guest agent, fsfreeze): what the guest has written is on its disks, and it writes nothing
   * until `thaw`. `none`: it refused, and nothing stands still. `doubtful`: it did not answer within the limit (s), and may do
   * it yet, so that it has to be thawed all the same.
   */
  quiesce(uuid: string, limitS: number): Promise<'frozen' | 'none' | 'doubtful'>;
  /** Its file systems go on. Ok also when none stood still, and where there is no guest agent. */
  thaw(uuid: string, limitS: number): Promise<Result<void>>;
  setAutostart(uuid: string, on: boolean): Promise<Result<void>>;
  /** One QMP command to a running guest. */
  monitor(uuid: string, command: string, args?: Record<string, unknown>): Promise<Result<unknown>>;
  /** Preflight of a guest where it runs now. */
  checkSource(uuid: string, copy?: CopyKept): Promise<Check[]>;
  /** Preflight of a guest where it would stand by; `paths` are the images' proposed places by target. */
  checkStandby(
    definition: VmDefinition,
    copy?: CopyKept,
  ): Promise<{ checks: Check[]; paths: Record<string, string> }>;
  fix(uuid: string, fix: string): Promise<Result<void>>;
}
