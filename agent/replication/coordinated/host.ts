import type { HostCommand, Result } from '../../protocol/index.ts';

/** An image as one host sees it. */
export interface SeenImage {
  /** Names the file within its file system (inode number): the same on every host that reaches it. Null: no such file. */
  id: string | null;
  /** What the owner wrote beside it last; null when nothing lies there. */
  token: string | null;
  /** This host may write to it, as far as its mount and the file's mode tell. */
  writable: boolean;
  /** `locked`: a process that has it open, on whichever host, keeps others from opening it (QEMU's image lock). */
  lock: 'locked' | 'free' | 'unknown' | 'not-asked';
}

/** What a program said and did. Outputs are cut to `MOST_OUTPUT_BYTES`. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export const MOST_OUTPUT_BYTES = 64 * 1024;

/** What a host does for copies that somebody else keeps. */
export interface CoordinatedHost {
  /**
   * Writes the token beside an image, in its place and durably: whoever opens it afterwards, on any host that reaches it, reads
   * this one. Problem kind: `token-not-written`.
   */
  writeToken(image: string, token: string): Promise<Result<void>>;
  /** Takes it away. Idempotent. */
  removeToken(image: string): Promise<void>;
  /** `locks`: asks for the lock too, which takes a process. */
  see(image: string, locks: boolean): Promise<SeenImage>;
  /** Why a command could not be run here; null when it could. Runs nothing. */
  check(command: HostCommand): Promise<Result<void>>;
  /**
   * Runs a program, no shell, no input, a bare environment; ends it with everything it has started when the limit has passed.
   * Problem kinds: `command-missing`, `command-not-executable`, `command-unsafe`, `command-late`, `command-output-too-long`.
   */
  run(command: HostCommand, limitMs: number): Promise<Result<Ran>>;
}

/** Where the token of an image lies. */
export const tokenPath = (image: string): string => `${image}.understudy-token`;
