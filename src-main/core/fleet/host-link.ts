import type {
  AgentState,
  ConsoleApi,
  ConsoleNotices,
  Hello,
  NoticeOf,
  Result,
} from '../../../agent/protocol/index.ts';
import type { Caller } from '../../../agent/rpc/link.ts';
import type { Connection, Login } from '../../contract/index.ts';

/** Where a host is and how to log in there. */
export interface HostTarget {
  hostId: string;
  /** For sentences shown to the person. */
  name: string;
  address: string;
  port: number;
  user: string;
  /** Null when its secret is no longer known (kept in memory only, and the console was restarted). */
  login: Login | null;
  /** Null when the user is root or sudo asks for nothing. */
  sudoPassword: string | null;
  /** A fingerprint the person has just confirmed; null: only a host key trusted before passes. */
  fingerprint: string | null;
}

export type HostNotice = {
  [K in keyof ConsoleNotices]: { notice: K; value: NoticeOf<ConsoleNotices, K> };
}[keyof ConsoleNotices];

export type HostLinkEvent =
  | { kind: 'connection'; connection: Connection }
  /** After each (re)connection: the greeting, then everything the agent knows. */
  | { kind: 'hello'; hello: Hello }
  | { kind: 'state'; state: AgentState }
  | { kind: 'notice'; notice: HostNotice };

/**
 * The lasting link to one host's agent: SSH connection, stream-local forward, JSON-RPC, greeting and
 * subscription; keeps itself up with back-off. `call` answers Problem `host-offline` while it is down.
 */
export interface HostLink extends Caller<ConsoleApi> {
  readonly connection: Connection;
  subscribe(listener: (event: HostLinkEvent) => void): () => void;
  /** Starts connecting; events follow. Idempotent. */
  start(): void;
  /** Tries at once, with other access when given; resolves when that attempt is decided. */
  retry(target?: HostTarget): Promise<Result<void>>;
  /** A link that waits before its next attempt makes it now: the laptop is awake again, or in another network. */
  hurry(): void;
  /** Ends link and connection for good. */
  close(): Promise<void>;
}

export type OpenHostLink = (target: HostTarget) => HostLink;
