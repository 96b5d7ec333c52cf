import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import * as v from 'valibot';
import type { IdentityStore } from '../identity/identity.ts';
import { DurableFile } from '../journal/durable-file.ts';
import type { Envelope } from '../lease/messages.ts';
import type { Clock, Log } from '../ports.ts';
import {
  fail,
  type Handlers,
  ok,
  Peer,
  type PeerApi,
  type Problem,
  ProblemError,
  peerApi,
  type Result,
  type Sight,
} from '../protocol/index.ts';
import { type Caller, openLink } from '../rpc/index.ts';
import { dial } from './dial.ts';
import { LastingLink, type PeerLink } from './lasting-link.ts';
import { type LeaseBundle, LeaseWire } from './lease-wire.ts';
import { peerNotices } from './notices.ts';
import { PeerServer } from './peer-server.ts';
import type { Peers } from './peers.ts';
import { IncomingStreams, introduce, STREAM_PROTOCOL, type StreamListener } from './streams.ts';

/** How soon a port that could not be opened is tried again, ms. */
const PORT_RETRY_MS = 2000;

export interface PeerMeshOptions {
  stateDir: string;
  /** Without `host`: all addresses. */
  listen: { host?: string; port: number };
  version: string;
  bootId: string;
  clock: Clock;
  log: Log;
  identity: IdentityStore;
}

/** What other members may ask, but for the greeting, which the mesh answers itself. */
export type PeerHandlers = Omit<Handlers<PeerApi>, 'peer.hello'>;

/** The other members of the fleet over mutual TLS: one port for them, one lasting link to each of them. */
export class PeerMesh implements Peers {
  readonly #options: PeerMeshOptions;
  readonly #server: PeerServer;
  readonly #links = new Map<string, LastingLink>();
  readonly #listeners = new Set<(sight: Sight) => void>();
  readonly #envelopeListeners = new Set<(envelope: Envelope) => void>();
  /** The link, dialled here or there, over which a member was heard last: the next message goes that way. */
  readonly #ways = new Map<string, PeerLink>();
  readonly #wires = new WeakMap<PeerLink, LeaseWire>();
  /** By receiver: sent together at the end of this turn of the event loop. */
  #outbox = new Map<string, Envelope[]>();
  readonly #file: DurableFile<v.ArraySchema<typeof Peer, undefined>>;
  readonly #streams: IncomingStreams;
  #handlers: PeerHandlers | null = null;
  #running = false;
  #retry: { cancel(): void } | null = null;

  constructor(options: PeerMeshOptions) {
    this.#options = options;
    this.#file = new DurableFile(join(options.stateDir, 'peers.json'), v.array(Peer));
    this.#streams = new IncomingStreams(options.log);
    this.#server = new PeerServer({
      clock: options.clock,
      log: options.log,
      isMember: (hostId) => this.#links.has(hostId),
      onMember: (hostId, socket) => this.#answer(hostId, socket),
      onStream: (hostId, socket) => this.#streams.accept(hostId, socket),
    });
  }

  /** The TCP port in use; 0 while not listening. */
  get port(): number {
    return this.#server.port;
  }

  /** What this host answers to other members; call before `start`. */
  serve(handlers: PeerHandlers): void {
    this.#handlers = handlers;
  }

  /** Reads the list of members and, once enrolled, listens and dials. */
  async start(): Promise<void> {
    this.#running = true;
    const stored = await this.#file.read();
    if (!stored.ok) this.#options.log('warn', stored.problem.message);
    else this.#apply(stored.value ?? []);
    const listening = await this.listen();
    if (!listening.ok) this.#options.log('warn', listening.problem.message);
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#retry?.cancel();
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all([this.#server.close(), ...links.map((link) => link.stop())]);
  }

  /** Opens the port with the credentials in force, and keeps trying when it is taken. Nothing to do before enrolment. */
  async listen(): Promise<Result<void>> {
    this.#retry?.cancel();
    const { credentials } = this.#options.identity;
    if (credentials === null || !this.#running || this.#server.listening) return ok(undefined);
    const listening = await this.#server.listen(this.#options.listen, credentials);
    if (!listening.ok) this.#retry = this.#options.clock.setTimeout(() => void this.listen(), PORT_RETRY_MS);
    return listening;
  }

  /**
   * After enrolment: new credentials on every connection, no restart. `keepLinks`: only those to come need them, because
   * this host believes more than before and proves itself as before.
   */
  async renew({ keepLinks = false } = {}): Promise<Result<void>> {
    const { credentials } = this.#options.identity;
    if (credentials !== null && this.#server.listening) this.#server.renew(credentials);
    for (const link of this.#links.values()) {
      if (keepLinks) link.nudge();
      else link.renew();
    }
    return this.listen();
  }

  /** Replaces the list, durably. Entries for this host itself are left out. */
  async setPeers(peers: Peer[]): Promise<void> {
    const self = this.#options.identity.current?.hostId;
    const others = peers.filter((peer) => peer.hostId !== self);
    await this.#file.write(others);
    if (this.#running) this.#apply(others);
  }

  list(): Peer[] {
    return [...this.#links.values()].map((link) => link.peer);
  }

  to(hostId: string): Caller<PeerApi> {
    return this.#links.get(hostId) ?? { call: () => Promise.resolve(fail(unknownMember(hostId))) };
  }

  get(hostId: string): Peer | null {
    return this.#links.get(hostId)?.peer ?? null;
  }

  sights(): Sight[] {
    return [...this.#links.values()].map((link) => link.sight);
  }

  sight(hostId: string): Sight | null {
    return this.#links.get(hostId)?.sight ?? null;
  }

  send(envelope: Envelope): void {
    if (this.#outbox.size === 0) setImmediate(() => this.#flush());
    const waiting = this.#outbox.get(envelope.to);
    if (waiting === undefined) this.#outbox.set(envelope.to, [envelope]);
    else waiting.push(envelope);
  }

  #flush(): void {
    const outbox = this.#outbox;
    this.#outbox = new Map();
    for (const [hostId, envelopes] of outbox) {
      const way = this.#ways.get(hostId);
      const link = way !== undefined && !way.closed ? way : (this.#links.get(hostId)?.link ?? null);
      link?.notify('lease', this.#wireOf(link).encode(envelopes));
    }
  }

  #wireOf(link: PeerLink): LeaseWire {
    const known = this.#wires.get(link);
    if (known !== undefined) return known;
    const wire = new LeaseWire();
    this.#wires.set(link, wire);
    return wire;
  }

  onEnvelope(listener: (envelope: Envelope) => void): () => void {
    this.#envelopeListeners.add(listener);
    return () => void this.#envelopeListeners.delete(listener);
  }

  onSight(listener: (sight: Sight) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async openStream(hostId: string, topic: string): Promise<Result<Duplex>> {
    const peer = this.get(hostId);
    const { credentials } = this.#options.identity;
    if (peer === null || credentials === null) return fail(unknownMember(hostId));
    const dialled = await dial(peer, credentials, new AbortController().signal, STREAM_PROTOCOL);
    if (dialled.ok) introduce(dialled.value, topic);
    return dialled;
  }

  onStream(listener: StreamListener): void {
    this.#streams.listen(listener);
  }

  #apply(peers: Peer[]): void {
    const wanted = new Map(peers.map((peer) => [peer.hostId, peer]));
    for (const [hostId, link] of this.#links) {
      if (sameAs(link.peer, wanted.get(hostId))) wanted.delete(hostId);
      else this.#drop(hostId, link, wanted.has(hostId));
    }
    for (const peer of wanted.values()) this.#add(peer);
  }

  #drop(hostId: string, link: LastingLink, staysMember: boolean): void {
    this.#links.delete(hostId);
    this.#ways.delete(hostId);
    void link.stop();
    if (!staysMember) this.#server.expel(hostId);
  }

  #add(peer: Peer): void {
    const { bootId, clock, log, identity } = this.#options;
    const link = new LastingLink({
      peer,
      bootId,
      clock,
      log,
      credentials: () => identity.credentials,
      onSight: (sight) => this.#tell(link, sight),
      onLease: (bundle, over) => this.#receive(peer.hostId, bundle, over),
      onAlive: (over) => void this.#ways.set(peer.hostId, over),
    });
    this.#links.set(peer.hostId, link);
    link.start();
  }

  #tell(link: LastingLink, sight: Sight): void {
    // One that was replaced or dropped meanwhile has nothing to say any more.
    if (this.#links.get(sight.hostId) !== link) return;
    for (const listener of this.#listeners) listener(sight);
  }

  /** `proven` by the certificate of the link; a message in another's name is dropped. */
  #receive(proven: string, bundle: LeaseBundle, over: PeerLink): void {
    const envelopes = this.#wireOf(over).decode(bundle);
    if (envelopes === null) {
      this.#options.log('warn', `closed the link with ${proven}: it says what refers to nothing`);
      over.close();
      return;
    }
    if (!this.#links.has(proven)) return;
    this.#ways.set(proven, over);
    const self = this.#options.identity.current?.hostId;
    for (const envelope of envelopes) {
      if (envelope.from !== proven || envelope.to !== self) continue;
      for (const listener of this.#envelopeListeners) listener(envelope);
    }
  }

  #answer(hostId: string, stream: TLSSocket): void {
    const handlers = this.#handlers;
    if (handlers === null) {
      stream.destroy();
      return;
    }
    this.#links.get(hostId)?.nudge();
    const hello: Handlers<PeerApi>['peer.hello'] = (params) => this.#hello(hostId, params.hostId);
    const log = this.#options.log;
    const link: PeerLink = openLink({
      stream,
      serve: { api: peerApi, handlers: { ...handlers, 'peer.hello': hello } },
      noticesOut: peerNotices,
      noticesIn: peerNotices,
      onNotice: ({ value }) => this.#receive(hostId, value, link),
      log,
      onClose: (end) => {
        if (end.kind === 'malformed' || end.kind === 'too-large') {
          log('warn', `closed the link from ${hostId}: ${end.text}`);
        }
      },
    });
  }

  async #hello(
    proven: string,
    claimed: string,
  ): Promise<{ hostId: string; bootId: string; version: string }> {
    const { identity, bootId, version } = this.#options;
    const self = identity.current;
    if (proven !== claimed || self === null) {
      throw new ProblemError({
        kind: 'not-who-it-says',
        message: `A host with the certificate of ${proven} says it is ${claimed}.`,
        next: 'Enrol the host anew from the console.',
      });
    }
    return { hostId: self.hostId, bootId, version };
  }
}

const unknownMember = (hostId: string): Problem => ({
  kind: 'peer-unknown',
  message: `This host knows no member "${hostId}" of its fleet.`,
  next: 'Connect the console once, so that it tells the hosts about each other.',
});

function sameAs(a: Peer, b: Peer | undefined): boolean {
  return (
    b !== undefined &&
    a.name === b.name &&
    a.address === b.address &&
    a.port === b.port &&
    a.replicationPort === b.replicationPort &&
    a.role === b.role
  );
}
