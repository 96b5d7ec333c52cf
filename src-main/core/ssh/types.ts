import type { Duplex } from 'node:stream';
import type { Problem, Result } from '../../../agent/protocol/index.ts';
import type { Login } from '../../contract/index.ts';

/** A host as SSH sees it. `name` is for sentences only. */
export interface SshTarget {
  name: string;
  /** Host name, IP address, or an alias of ~/.ssh/config. */
  address: string;
  port: number;
}

export interface SshLogin {
  user: string;
  login: Login;
}

/** A key a server showed. */
export interface HostKey {
  /** As in known_hosts: ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa. */
  algorithm: string;
  /** "SHA256:..." (RFC 4648 base64 without padding, as ssh-keygen -l prints it). */
  fingerprint: string;
}

/**
 * How a script gets root. `direct`: the login is root. `sudo`: through sudo, with the password it may ask for
 * (null: it must ask for none).
 */
export type Rights = { kind: 'direct' } | { kind: 'sudo'; password: string | null };

export interface RunOptions {
  rights?: Rights;
  /** Default 30 000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface RunOutcome {
  /** Exit status; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface UploadSource {
  /** File on this machine. */
  from: string;
  /** Absolute path on the host; written whole, missing folders are not made. */
  to: string;
  mode: number;
}

export interface UploadOptions {
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

/** One logged-in SSH connection. At most five channels are open at a time; further ones wait their turn. */
export interface SshConnection {
  readonly target: SshTarget;
  readonly user: string;
  readonly hostKey: HostKey;
  /** Feeds `script` to `/bin/sh -s` by standard input: nothing of it shows in the host's process list. */
  run(script: string, options?: RunOptions): Promise<Result<RunOutcome>>;
  upload(source: UploadSource, options?: UploadOptions): Promise<Result<void>>;
  /** Stream-local forward (OpenSSH PROTOCOL, 2.4) to a unix socket on the host. */
  openSocket(path: string): Promise<Result<Duplex>>;
  /** Called once, at once when already closed. `close()` gives kind `closed`. */
  onClose(listener: (problem: Problem) => void): void;
  close(): void;
}

export interface KeepAlive {
  intervalMs: number;
  /** Unanswered requests after which the connection counts as lost. */
  countMax: number;
}
