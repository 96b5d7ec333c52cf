import type { Duplex } from 'node:stream';
import type { Result } from '../protocol/index.ts';

/** What the receiving host needs to make a process like the guest's. */
export interface MovingGuest {
  /** The hypervisor's own text of the guest as it runs now. */
  definition: string;
  /** What one hypervisor tells another of its kind; nobody else reads it. */
  cookie: string;
}

/**
 * `copying`: the guest runs on. `paused`: all but the rest of its memory was sent, and it stands still until `finish` or
 * `stay`. `sent`: all of it was. `failed`: nothing came of it; whether the guest runs, the list of guests says.
 */
export type SendingPhase = 'none' | 'copying' | 'paused' | 'sent' | 'failed';

export interface Sending {
  phase: SendingPhase;
  doneBytes: number;
  leftBytes: number;
  /** Bytes per second over the wire, as the hypervisor measures it. */
  rateBps: number;
  /** How often all memory was gone through: many rounds without an end are a link that is too slow. */
  rounds: number;
  /** Why it failed, in the hypervisor's words. */
  cause: string | null;
}

/**
 * Moves the memory of a running guest whose disks are the same on both hosts. The two sides are joined by one stream of
 * bytes that is somebody else's business. Nothing here starts a guest: what came in stands still until `resume`.
 *
 * Sender: `describe`, `send`, then `progress` until `paused` (`VmInfo.pause` says `leaving`), `finish`.
 * Receiver: `receive`, `feed`, then `arrive` (`VmInfo.pause` goes from `incoming` to `not-started`).
 */
export interface LiveMigration {
  /** Why the guest cannot be moved while it runs; empty when it can. Sentences for a person. */
  hindrances(uuid: string): Promise<string[]>;
  describe(uuid: string): Promise<Result<MovingGuest>>;
  /** Begins to send; returns at once. The stream is ended by it. */
  send(uuid: string, stream: Duplex): Promise<Result<void>>;
  progress(uuid: string): Promise<Result<Sending>>;
  /** From `paused`: sends the rest, and lets go of the disks. The guest stays paused whatever comes of it, or runs on. */
  finish(uuid: string): Promise<Result<void>>;
  /** Whatever was begun is given up, and the guest runs on here. Only for one whose right to run is beyond doubt. */
  stay(uuid: string): Promise<Result<void>>;
  /** A process that waits for the guest's memory. It ends with this agent, and with `refuse`. */
  receive(uuid: string, guest: MovingGuest): Promise<Result<void>>;
  /** Gives it the sender's bytes. True when they came to their end; otherwise the process has been ended. */
  feed(uuid: string, stream: Duplex): Promise<boolean>;
  /** Once the sender has sent everything: resolves when it is all in. */
  arrive(uuid: string): Promise<Result<void>>;
  /** Ends a process that waits; ok when there is none. */
  refuse(uuid: string): Promise<void>;
}
