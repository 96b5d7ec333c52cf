import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { fail, ok, type Problem, type Result } from '../../../agent/protocol/index.ts';
import { ChannelQueue } from './channel-queue.ts';
import { closedHere, connectionLost, forwardingRefused, socketUnavailable } from './problems.ts';
import { runScript } from './run.ts';
import type {
  HostKey,
  RunOptions,
  RunOutcome,
  SshConnection,
  SshTarget,
  UploadOptions,
  UploadSource,
} from './types.ts';
import { uploadFile } from './upload.ts';

/** OpenSSH allows ten sessions a connection (MaxSessions); half of it leaves room for the person's own. */
const MAX_CHANNELS = 5;
/** RFC 4254, 5.1. */
const OPEN_ADMINISTRATIVELY_PROHIBITED = 1;

interface LoggedIn {
  client: Client;
  socket: Socket;
  user: string;
  hostKey: HostKey;
}

/** A logged-in ssh2 client. */
export class ClientConnection implements SshConnection {
  readonly target: SshTarget;
  readonly user: string;
  readonly hostKey: HostKey;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #channels = new ChannelQueue(MAX_CHANNELS);
  readonly #listeners: ((problem: Problem) => void)[] = [];
  #lastError = 'the host closed it';
  #closedHere = false;
  #ended: Problem | null = null;

  /** `client` is logged in, and somebody already listens to its errors. */
  constructor({ client, socket, user, hostKey }: LoggedIn, target: SshTarget) {
    this.target = target;
    this.user = user;
    this.hostKey = hostKey;
    this.#client = client;
    this.#socket = socket;
    client.on('error', (error: Error & { level?: string }) => {
      this.#lastError = error.level === 'client-timeout' ? 'it no longer answers' : error.message;
    });
    client.once('close', () => this.#onEnd());
  }

  async run(script: string, options: RunOptions = {}): Promise<Result<RunOutcome>> {
    const leave = await this.#channels.enter();
    try {
      return await this.#alive(() => runScript(this.#client, this, script, options));
    } finally {
      leave();
    }
  }

  async upload(source: UploadSource, options: UploadOptions = {}): Promise<Result<void>> {
    const leave = await this.#channels.enter();
    try {
      return await this.#alive(() => uploadFile(this.#client, this.target, source, options));
    } finally {
      leave();
    }
  }

  /** Its place among the channels is free again when the stream has closed. */
  async openSocket(path: string): Promise<Result<Duplex>> {
    const leave = await this.#channels.enter();
    const opened = await this.#alive(() => this.#forward(path));
    if (opened.ok) opened.value.once('close', leave);
    else leave();
    return opened;
  }

  /** What fails because the connection ended says so, whatever ssh2 calls it. */
  async #alive<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.#ended) return fail(this.#ended);
    try {
      const result = await work();
      return result.ok || this.#ended === null ? result : fail(this.#ended);
    } catch (error) {
      // ssh2 throws when its socket has ended but not closed yet.
      if (error instanceof Error && error.message === 'Not connected') {
        return fail(connectionLost(this.target, this.#lastError));
      }
      throw error;
    }
  }

  #forward(path: string): Promise<Result<Duplex>> {
    return new Promise((resolve) => {
      this.#client.openssh_forwardOutStreamLocal(path, (error, channel) => {
        if (error === undefined) {
          resolve(ok(closable(channel)));
        } else if ('reason' in error && error.reason === OPEN_ADMINISTRATIVELY_PROHIBITED) {
          resolve(fail(forwardingRefused(this.target)));
        } else resolve(fail(socketUnavailable(this.target, path)));
      });
    });
  }

  onClose(listener: (problem: Problem) => void): void {
    if (this.#ended) listener(this.#ended);
    else this.#listeners.push(listener);
  }

  close(): void {
    this.#closedHere = true;
    this.#client.end();
    // A host that is gone never answers the goodbye.
    this.#socket.destroySoon();
  }

  #onEnd(): void {
    this.#ended = this.#closedHere ? closedHere(this.target) : connectionLost(this.target, this.#lastError);
    for (const listener of this.#listeners.splice(0)) listener(this.#ended);
  }
}

/** ssh2's own destroy() closes a channel only after somebody has read it to its end. */
function closable(channel: ClientChannel): Duplex {
  const destroy = channel.destroy.bind(channel);
  channel.destroy = () => {
    destroy();
    channel.resume();
    return channel;
  };
  // The far end may vanish at any time; that shows as `close`.
  channel.on('error', () => undefined);
  return channel;
}
