import { existsSync } from 'node:fs';
import type { Clock, Log } from '../../ports.ts';
import { Connection } from './connection.ts';
import { decodeEvent, type LibvirtEvent } from './events.ts';
import { failureText, type Outcome } from './failure.ts';
import {
  authList,
  connectDomainEventCallbackRegisterAny,
  connectGetLibVersion,
  connectGetVersion,
  connectOpen,
  EventId,
  qemuConnectDomainMonitorEventRegister,
} from './procedures.ts';
import type { DomainRef, Procedure } from './types.ts';
import type { Message } from './wire.ts';

/** Where libvirtd listens; the second is where older systems mount the first. */
const SOCKETS = ['/run/libvirt/libvirt-sock', '/var/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock'];
const URI = 'qemu:///system';
/** First and longest wait before another attempt, ms. */
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;
const AUTH_NONE = 0;

export interface SessionOptions {
  clock: Clock;
  log: Log;
  socketPath?: string;
  /**
   * Connected and registered for events: whatever was known before is read anew. False when that failed; the
   * connection is then of no use and another one is tried.
   */
  readAll(): Promise<boolean>;
  /** After `readAll`: what is known is current from now on. */
  onUp(): void;
  onDown(): void;
  onEvent(event: LibvirtEvent): void;
}

/** The lasting connection: opens it, registers for events, and opens it again whenever it is lost. */
export class Session {
  readonly #options: SessionOptions;
  #connection: Connection | null = null;
  #stopped = false;
  #retryMs = RETRY_MIN_MS;
  #timer: { cancel(): void } | null = null;
  /** Events are taken in. */
  #connected = false;
  /** What is known is current. */
  #up = false;
  version = '';
  /** libvirt's version as one number, 9000000 for 9.0.0; 0 before the first connection. */
  libVersion = 0;
  /** Why there is no connection; empty while there is one. */
  reason = '';

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get reachable(): boolean {
    return this.#up;
  }

  /** Resolves after the first attempt, whatever came of it. */
  async start(): Promise<void> {
    this.#stopped = false;
    await this.#attempt();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#connection?.close();
    this.#connection = null;
    this.#connected = false;
    this.#up = false;
  }

  async call<A, R>(procedure: Procedure<A, R>, args: A, deadlineMs?: number): Promise<Outcome<R>> {
    if (!this.#connection)
      return { ok: false, failure: { kind: 'lost', text: this.reason || 'not connected' } };
    return this.#connection.call(procedure, args, deadlineMs === undefined ? {} : { deadlineMs });
  }

  /** For procedures that may wait for the guest's process. */
  async callGuest<A extends { dom: DomainRef }, R>(
    procedure: Procedure<A, R>,
    args: A,
    deadlineMs?: number,
  ): Promise<Outcome<R>> {
    if (!this.#connection)
      return { ok: false, failure: { kind: 'lost', text: this.reason || 'not connected' } };
    const lane = args.dom.uuid;
    return this.#connection.call(procedure, args, deadlineMs === undefined ? { lane } : { deadlineMs, lane });
  }

  /**
   * A connection for one purpose, without events: what was begun on it libvirtd ends with it, and a long call or stream
   * there is in nobody's way here.
   */
  async openAnother(): Promise<Outcome<Connection>> {
    const opened = await Connection.open(this.#path ?? '', {
      clock: this.#options.clock,
      onEvent: () => undefined,
      onLost: () => undefined,
    });
    if (!opened.ok) return opened;
    // libvirtd answers nothing on a connection that did not ask how to log in.
    await opened.value.call(authList, undefined);
    const greeted = await opened.value.call(connectOpen, { uri: URI, flags: 0 });
    if (greeted.ok) return opened;
    opened.value.close();
    return greeted;
  }

  async #attempt(): Promise<void> {
    const reason = (await this.#connect()) ?? (await this.#readAll());
    if (this.#stopped) return;
    if (reason === null) {
      this.#retryMs = RETRY_MIN_MS;
      this.#up = true;
      this.reason = '';
      this.#options.onUp();
      return;
    }
    if (reason !== this.reason) this.#options.log('warn', `libvirt: ${reason}`);
    this.reason = reason;
    this.#connected = false;
    this.#connection?.close();
    this.#connection = null;
    this.#retry();
  }

  async #readAll(): Promise<string | null> {
    this.#connected = true;
    const done = await this.#options.readAll();
    return done && this.#connected ? null : 'the connection was lost while the machines were read';
  }

  #retry(): void {
    this.#timer = this.#options.clock.setTimeout(() => void this.#attempt(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }

  get #path(): string | undefined {
    return this.#options.socketPath ?? SOCKETS.find((candidate) => existsSync(candidate));
  }

  /** Null when connected, else why not. */
  async #connect(): Promise<string | null> {
    const path = this.#path;
    if (path === undefined) return 'libvirt is not installed here, or not running: its socket is missing';
    const opened = await Connection.open(path, {
      clock: this.#options.clock,
      onEvent: (message) => this.#receive(message),
      onLost: (reason) => this.#lost(reason),
    });
    if (!opened.ok) return failureText(opened.failure);
    this.#connection = opened.value;
    return this.#greet(opened.value);
  }

  async #greet(connection: Connection): Promise<string | null> {
    const auth = await connection.call(authList, undefined);
    if (!auth.ok) return failureText(auth.failure);
    if (!auth.value.includes(AUTH_NONE))
      return 'libvirtd asks for a log-in on its local socket (auth_unix_rw)';
    const opened = await connection.call(connectOpen, { uri: URI, flags: 0 });
    if (!opened.ok) return failureText(opened.failure);
    for (const eventId of Object.values(EventId)) {
      const registered = await connection.call(connectDomainEventCallbackRegisterAny, { eventId });
      if (!registered.ok) return failureText(registered.failure);
    }
    const qmp = await connection.call(qemuConnectDomainMonitorEventRegister, undefined);
    if (!qmp.ok) return failureText(qmp.failure);
    return this.#readVersions(connection);
  }

  async #readVersions(connection: Connection): Promise<string | null> {
    const library = await connection.call(connectGetLibVersion, undefined);
    if (!library.ok) return failureText(library.failure);
    const emulator = await connection.call(connectGetVersion, undefined);
    // Without an installed QEMU this one fails; the daemon is still worth talking to.
    const qemuText = emulator.ok ? `QEMU ${versionText(emulator.value)}` : 'no QEMU';
    this.libVersion = Number(library.value);
    this.version = `libvirt ${versionText(library.value)}, ${qemuText}`;
    return null;
  }

  #receive(message: Message): void {
    try {
      const event = decodeEvent(message);
      if (event && this.#connected) this.#options.onEvent(event);
    } catch (error) {
      this.#options.log(
        'warn',
        `libvirt: event ${message.header.procedure} not understood: ${String(error)}`,
      );
    }
  }

  #lost(reason: string): void {
    this.#connection = null;
    this.#connected = false;
    if (!this.#up || this.#stopped) return;
    this.#up = false;
    this.reason = reason;
    this.#options.log('warn', `libvirt: ${reason}`);
    this.#options.onDown();
    this.#retry();
  }
}

/** libvirt's version numbers: major * 1,000,000 + minor * 1,000 + release. */
export function versionText(value: bigint): string {
  const number = Number(value);
  return [Math.floor(number / 1_000_000), Math.floor(number / 1_000) % 1_000, number % 1_000].join('.');
}
