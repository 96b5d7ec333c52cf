import type { Permission } from './deadline-file.ts';

/**
 * `stopped`: by the guard's SIGSTOP. `paused`: by QEMU, before its first instruction. `faulted`: QEMU paused itself because
 * this host's disks answered with an error. `leaving`: paused by QEMU at the end of its live migration: it goes on only
 * when continued. `incoming`: its process waits for the memory from the other host; nothing of it runs.
 */
export type GuestState = 'none' | 'running' | 'stopped' | 'paused' | 'faulted' | 'leaving' | 'incoming';

/**
 * `whole`: every acknowledged write is on both copies and the stall is in force; also of a guest that is gone, when its
 * mirror ended in order. `held`: the target does not take writes and the guest's wait. `off`: no mirror; the guest writes
 * alone. `unknown`: whoever knows has not been asked yet, as in the first moments of an agent's life: nothing is done about it.
 */
export type MirrorState = 'off' | 'copying' | 'whole' | 'held' | 'unknown';

/**
 * `run`: a guest that ended is started again. `down`: somebody shut it down on purpose: it stays down and nobody takes it
 * over. `moving`: a switchover is shutting it down, or has paused it: nothing is done about it until it is handed over.
 * `leaving`: it runs, and its live migration is about to pause it.
 */
export type Wanted = 'run' | 'down' | 'moving' | 'leaving';

/** What a member decides by, and what it orders, on its own host. The agent's rooms or the simulator stand behind it. */
export interface Site {
  guest(): GuestState;
  wanted(): Wanted;
  mirror(): MirrorState;
  exportOpen(): boolean;
  /**
   * The copy here acknowledged writes from memory, and whoever had them there ended without putting them on disk: it may lack
   * what was acknowledged. Durable; over only when the copy was compared or made anew. What is open and well is not unclean.
   */
  unclean(): boolean;
  /** True when nothing on this host survived since the member last ran: the host has booted. */
  readonly booted: boolean;
  /** Capacity, definition and the images' locks: checked before candidacy (R). */
  canHost(): boolean;
  /** The guard acts on a deadline of this epoch (FORMAT.md, `guard.alive`). */
  guardOn(epoch: number): boolean;
  /** Preflight found real-time, locked memory and tmpfs. */
  guardFit(): boolean;
  permit(permission: Permission): void;
  /**
   * QEMU with the guest paused: everything that can fail has happened before `begun` (R). Of a guest that is `incoming`:
   * its memory is all there.
   */
  startGuest(done: (started: boolean) => void): void;
  /** The guest's first instruction. */
  continueGuest(): void;
  /** Ends a process that waits for a guest's memory. */
  dropIncoming(): void;
  closeExport(done: () => void): void;
  /** Receives the owner's mirror, unless the copy is in quarantine. */
  openExport(): void;
  /** Lets held and later writes go unreplicated. Given only when the record allows it. */
  releaseMirror(): void;
  /** Copies everything again, then `whole`. Asked for as long as it is wanted: the room behind it paces its attempts. */
  startMirror(): void;
  /** Superseded: the copy is set aside until a person decides. */
  quarantine(): void;
  /** Wall clock, for people and for the end of planned work. */
  wall(): number;
}
