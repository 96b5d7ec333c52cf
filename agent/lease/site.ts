import type { Permission } from './deadline-file.ts';

/** `stopped`: by the guard's SIGSTOP. `paused`: by QEMU, before its first instruction. */
export type GuestState = 'none' | 'running' | 'stopped' | 'paused';

/**
 * `whole`: every acknowledged write is on both copies and the stall is in force. `held`: the target does not take
 * writes and the guest's wait. `off`: no mirror; the guest writes alone.
 */
export type MirrorState = 'off' | 'copying' | 'whole' | 'held';

/** What a member decides by, and what it orders, on its own host. The agent's rooms or the simulator stand behind it. */
export interface Site {
  guest(): GuestState;
  mirror(): MirrorState;
  exportOpen(): boolean;
  /** True when nothing on this host survived since the member last ran: the host has booted. */
  readonly booted: boolean;
  /** Capacity, definition and the images' locks: checked before candidacy (R). */
  canHost(): boolean;
  /** The guard acts on a deadline of this epoch (FORMAT.md, `guard.alive`). */
  guardOn(epoch: number): boolean;
  /** Preflight found real-time, locked memory and tmpfs. */
  guardFit(): boolean;
  permit(permission: Permission): void;
  /** QEMU with the guest paused: everything that can fail has happened before `begun` (R). */
  startGuest(done: (started: boolean) => void): void;
  /** The guest's first instruction. */
  continueGuest(): void;
  closeExport(done: () => void): void;
  /** Receives the owner's mirror, unless the copy is in quarantine. */
  openExport(): void;
  /** Lets held and later writes go unreplicated. Given only when the record allows it. */
  releaseMirror(): void;
  /** Copies everything again, then `whole`. */
  startMirror(): void;
  /** Superseded: the copy is set aside until a person decides. */
  quarantine(): void;
  /** Wall clock, for people. */
  wall(): number;
}
