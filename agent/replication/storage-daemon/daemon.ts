import { createHash } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import type { Log } from '../../ports.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import { QmpClient, type QmpEvent } from '../qmp.ts';
import type { ServiceRunner } from '../services.ts';

export interface DaemonOptions {
  /** QMP socket of the storage daemon. */
  socketPath: string;
  /** Directory with ca-cert.pem, server-cert.pem, server-key.pem (QEMU's names for tls-creds-x509). */
  tlsDir: string;
  /** Address to listen on; '' listens on all. */
  listenHost: string;
  port: number;
  /** Raw image of the scratch export; made when missing. */
  heartbeatImage: string;
  services: ServiceRunner;
  log: Log;
}

export interface DaemonEvents {
  /** The daemon is gone, and with it everything it offered. */
  gone(): void;
}

export const HEARTBEAT_EXPORT = 'understudy-heartbeat';
const HEARTBEAT_ID = 'x-heartbeat';
const HEARTBEAT_NODE = 'u-heartbeat';
const HEARTBEAT_BYTES = 4096;
const TLS_ID = 'tls0';
const CONNECT_TRIES = 50;
const CONNECT_PAUSE_MS = 100;

const Exports = v.array(v.object({ id: v.string(), 'node-name': v.string(), 'shutting-down': v.boolean() }));
const Nodes = v.array(v.object({ 'node-name': v.optional(v.string()), file: v.optional(v.string()) }));
export type Exports = v.InferOutput<typeof Exports>;

/**
 * The one qemu-storage-daemon of this host. It is a unit of its own, so that an agent's restart breaks no
 * mirror; everything it serves is given to it through QMP, and what it serves is asked of it, never remembered.
 */
export class StorageDaemon {
  readonly #options: DaemonOptions;
  readonly #events: DaemonEvents;
  #client: QmpClient | null = null;
  #connecting: Promise<Result<QmpClient>> | null = null;
  #dialling: Promise<Result<QmpClient>> | null = null;
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  /** Digest of the certificate the running NBD server was started with; '' when not by this client. */
  #certificate = '';

  constructor(options: DaemonOptions, events: DaemonEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Connects when the daemon runs, and does not start it; false when there is none. */
  async attach(): Promise<Result<boolean>> {
    if (this.#client) return ok(true);
    const client = await this.#dial();
    if (!client.ok && client.problem.kind !== 'qmp-absent') return client;
    return ok(client.ok);
  }

  /** What the daemon tells unasked, whichever connection it comes over; returns what ends that. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  detach(): void {
    const client = this.#client;
    this.#client = null;
    client?.close();
  }

  async execute(command: string, args?: Record<string, unknown>): Promise<Result<unknown>> {
    const client = await this.#connected();
    return client.ok ? client.value.execute(command, args) : client;
  }

  async exports(): Promise<Result<Exports>> {
    const answer = await this.execute('query-block-exports');
    return answer.ok ? ok(v.parse(Exports, answer.value)) : answer;
  }

  async nodes(): Promise<Result<string[]>> {
    const answer = await this.execute('query-named-block-nodes', { flat: true });
    if (!answer.ok) return answer;
    return ok(v.parse(Nodes, answer.value).flatMap((node) => node['node-name'] ?? []));
  }

  /** Nodes by name, with the path of the file each stands on. */
  async files(): Promise<Result<Map<string, string>>> {
    const answer = await this.execute('query-named-block-nodes', { flat: true });
    if (!answer.ok) return answer;
    const nodes = v.parse(Nodes, answer.value);
    return ok(new Map(nodes.flatMap((node) => [[node['node-name'] ?? '', node.file ?? ''] as const])));
  }

  /** Sees that the NBD server listens with the present certificate and offers the scratch export. */
  async ensureServing(): Promise<Result<void>> {
    const exports = await this.exports();
    if (!exports.ok) return exports;
    const certificate = await this.#fingerprint();
    if (!certificate.ok) return certificate;
    const others = exports.value.some(({ id }) => id !== HEARTBEAT_ID);
    // A changed certificate waits until no mirror would be broken by the change.
    if (!others && this.#certificate !== certificate.value) {
      await this.#stopServer(exports.value);
      const started = await this.#startServer();
      if (!started.ok) return started;
      this.#certificate = certificate.value;
      return this.#offerHeartbeat();
    }
    const offered = exports.value.some(({ id }) => id === HEARTBEAT_ID);
    return offered ? ok(undefined) : this.#offerHeartbeat();
  }

  async #connected(): Promise<Result<QmpClient>> {
    if (this.#client) return ok(this.#client);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connect(): Promise<Result<QmpClient>> {
    const running = await this.#options.services.ensureRunning('understudy-storage.service');
    if (!running.ok) return running;
    for (let tried = 1; ; tried += 1) {
      const client = this.#client ? ok(this.#client) : await this.#dial();
      if (client.ok || tried === CONNECT_TRIES) return client;
      await new Promise((done) => setTimeout(done, CONNECT_PAUSE_MS));
    }
  }

  /** QEMU hears one connection at a time: a second one would wait, unanswered, for as long as the first is there. */
  #dial(): Promise<Result<QmpClient>> {
    this.#dialling ??= QmpClient.connect(this.#options.socketPath)
      .then((client) => {
        if (client.ok) this.#adopt(client.value);
        return client;
      })
      .finally(() => {
        this.#dialling = null;
      });
    return this.#dialling;
  }

  #adopt(client: QmpClient): void {
    this.#client = client;
    this.#certificate = '';
    client.onEvent((event) => {
      for (const listener of this.#listeners) listener(event);
    });
    client.onEnd(() => {
      if (this.#client !== client) return;
      this.#client = null;
      this.#options.log('warn', 'the storage daemon closed its control socket');
      this.#events.gone();
    });
  }

  async #fingerprint(): Promise<Result<string>> {
    try {
      const files = ['ca-cert.pem', 'server-cert.pem', 'server-key.pem'];
      const hash = createHash('sha256');
      for (const file of files) hash.update(await readFile(join(this.#options.tlsDir, file)));
      return ok(hash.digest('hex'));
    } catch (error) {
      return fail({
        kind: 'certificate-unreadable',
        message: `This host's certificate for replication could not be read (${String(error)}).`,
        next: 'Deploy the agent to this host again; that renews its certificate.',
      });
    }
  }

  async #stopServer(exports: Exports): Promise<void> {
    for (const { id } of exports) await this.execute('block-export-del', { id, mode: 'hard' });
    // Refusals only say that there was nothing to stop.
    await this.execute('nbd-server-stop');
    await this.execute('object-del', { id: TLS_ID });
    await this.execute('blockdev-del', { 'node-name': HEARTBEAT_NODE });
  }

  async #startServer(): Promise<Result<void>> {
    const { tlsDir, listenHost, port } = this.#options;
    const credentials = await this.execute('object-add', {
      'qom-type': 'tls-creds-x509',
      id: TLS_ID,
      dir: tlsDir,
      endpoint: 'server',
      'verify-peer': true,
    });
    if (!credentials.ok) return credentials;
    const started = await this.execute('nbd-server-start', {
      addr: { type: 'inet', data: { host: listenHost, port: String(port) } },
      'tls-creds': TLS_ID,
      'max-connections': 0,
    });
    if (started.ok) return ok(undefined);
    return fail({
      kind: 'replication-port',
      message: `The storage daemon cannot listen on port ${port} (${started.problem.details?.text ?? ''}).`,
      next: `Free TCP port ${port} on the standby, then try again.`,
    });
  }

  async #offerHeartbeat(): Promise<Result<void>> {
    const made = await ensureScratch(this.#options.heartbeatImage);
    if (!made.ok) return made;
    const node = await this.addFile(HEARTBEAT_NODE, this.#options.heartbeatImage);
    if (!node.ok) return node;
    const offered = await this.execute('block-export-add', {
      type: 'nbd',
      id: HEARTBEAT_ID,
      'node-name': HEARTBEAT_NODE,
      name: HEARTBEAT_EXPORT,
      writable: true,
    });
    return offered.ok ? ok(undefined) : offered;
  }

  /** Opens a file past the page cache where its file system allows it (tmpfs does not). */
  async addFile(nodeName: string, path: string): Promise<Result<void>> {
    const order = { driver: 'file', 'node-name': nodeName, filename: path, discard: 'unmap' };
    const direct = await this.execute('blockdev-add', { ...order, cache: { direct: true } });
    if (direct.ok) return ok(undefined);
    if (!/O_DIRECT|Invalid argument/i.test(direct.problem.message)) return direct;
    const cached = await this.execute('blockdev-add', order);
    return cached.ok ? ok(undefined) : cached;
  }
}

async function ensureScratch(path: string): Promise<Result<void>> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a+', 0o600);
    try {
      if ((await file.stat()).size < HEARTBEAT_BYTES) await file.write(Buffer.alloc(HEARTBEAT_BYTES));
      await file.sync();
    } finally {
      await file.close();
    }
    return ok(undefined);
  } catch (error) {
    return fail({
      kind: 'scratch-not-made',
      message: `The scratch image ${path} could not be made (${String(error)}).`,
      next: 'See that its file system has space and is writable, then try again.',
    });
  }
}
