import type { Permission } from '../lease/deadline-file.ts';
import type { GuardView } from '../protocol/index.ts';

/**
 * The guard of this host, as the agent sees it: permissions go out, what it did comes back (FORMAT.md). Everything here
 * is about tmpfs and returns at once; nothing waits for the guard.
 */
export interface Guard {
  /** Installed, running, and granted what it needs; tells anew through `subscribe`. */
  readonly view: GuardView;
  /** True while its own words, not older than a second, say that it acts on a deadline of this epoch for this machine. */
  on(uuid: string, epoch: number): boolean;
  /** A process of this machine stands still because the guard stopped it. */
  stopped(uuid: string): boolean;
  /** Replaces the machine's permission; in force at the guard within its bound. */
  permit(uuid: string, permission: Permission): void;
  /** The machine is protected from now on: durable when it resolves. Its permission must have been written before. */
  protect(uuid: string): Promise<void>;
  /** Nobody's business any more: durable when it resolves; the permission is removed after it. */
  letGo(uuid: string): Promise<void>;
  /** Every machine on the list, also those whose pair the agent has lost (agent/pairs/guarded.ts). Known once `start` resolved. */
  protects(): string[];
  /** For a minute libvirt may start the protected machine: written just before the agent's own start, which alone may. */
  allowStart(uuid: string): void;
  endStart(uuid: string): void;
  /** Told when what the guard says of a machine (or of itself: null) has changed. */
  subscribe(listener: (uuid: string | null) => void): () => void;
  start(): Promise<void>;
  stop(): void;
}
