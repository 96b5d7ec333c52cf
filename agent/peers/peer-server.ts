import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { holderOf } from '../identity/certificate.ts';
import type { Credentials } from '../identity/identity.ts';
import type { Clock, Log } from '../ports.ts';
import { fail, ok, type Problem, type Result } from '../protocol/index.ts';
import { Admission } from './admission.ts';
import { STREAM_PROTOCOL } from './streams.ts';
import { trustedCertificate } from './trust.ts';

/** A handshake takes two round trips; who needs longer holds a place that others may want. */
const HANDSHAKE_MS = 3000;
/** Lasting links one member may hold here: its newest count, a restarted agent's old one may linger. */
const MAX_LINKS_PER_MEMBER = 2;

interface ServerOptions {
  clock: Clock;
  log: Log;
  /** True for members this host knows. */
  isMember(hostId: string): boolean;
  /** A member, proven by its certificate. */
  onMember(hostId: string, socket: TLSSocket): void;
  /** The same, who wants to send bytes (streams.ts). */
  onStream(hostId: string, socket: TLSSocket): void;
}

/** The TCP port on which the other members reach this one: mutual TLS 1.3, strangers get nothing. */
export class PeerServer {
  readonly #options: ServerOptions;
  readonly #admission: Admission;
  readonly #links = new Map<string, Set<TLSSocket>>();
  readonly #raw = new Set<Socket>();
  /** What to do when the handshake at that far end succeeds. */
  readonly #handshakes = new Map<string, () => void>();
  #server: Server | null = null;
  #tls: TlsServer | null = null;
  #fleetId = '';
  #cas: readonly string[] = [];

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#admission = new Admission(options.clock, options.log);
  }

  get listening(): boolean {
    return this.#server !== null;
  }

  /** The port in use; 0 when not listening. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async listen(at: { host?: string; port: number }, credentials: Credentials): Promise<Result<void>> {
    const tls = createTlsServer({
      ...contextOf(credentials),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: [STREAM_PROTOCOL],
    });
    tls.on('secureConnection', (socket) => this.#greet(socket));
    tls.on('tlsClientError', (error, socket) => {
      // One who hung up in the middle has no address any more, and was not turned away.
      if (socket.remoteAddress !== undefined) this.#admission.turnedAway(socket.remoteAddress, error.message);
      socket.destroy();
    });
    // The plain server counts connections before any cryptography is done for them.
    const server = createServer((socket) => this.#knock(socket, tls));
    const problem = await new Promise<Error | null>((resolve) => {
      server.once('error', resolve);
      server.listen({ ...at, exclusive: true }, () => resolve(null));
    });
    if (problem !== null) return fail(portProblem(at.port, problem));
    server.on('error', (error) => this.#options.log('warn', `peer port: ${error.message}`));
    this.#server = server;
    this.#tls = tls;
    this.#fleetId = credentials.fleetId;
    this.#cas = credentials.ca;
    return ok(undefined);
  }

  /** New certificate or CAs: used from the next connection on; links of another fleet end. */
  renew(credentials: Credentials): void {
    this.#tls?.setSecureContext(contextOf(credentials));
    if (credentials.fleetId !== this.#fleetId) this.#destroyAll();
    this.#fleetId = credentials.fleetId;
    this.#cas = credentials.ca;
  }

  /** Ends the links of one who is a member no longer. */
  expel(hostId: string): void {
    for (const socket of this.#links.get(hostId) ?? []) socket.destroy();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#tls = null;
    this.#destroyAll();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #destroyAll(): void {
    for (const socket of this.#raw) socket.destroy();
  }

  #knock(socket: Socket, tls: TlsServer): void {
    const address = addressOf(socket);
    const leave = this.#admission.enter(address);
    if (leave === null) {
      socket.destroy();
      return;
    }
    this.#raw.add(socket);
    socket.setKeepAlive(true, 1000);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    const timer = setTimeout(() => {
      this.#admission.turnedAway(address, `no handshake within ${HANDSHAKE_MS / 1000} s`);
      socket.destroy();
    }, HANDSHAKE_MS);
    const proven = () => {
      clearTimeout(timer);
      leave();
    };
    const place = placeOf(socket);
    this.#handshakes.set(place, proven);
    socket.once('close', () => {
      proven();
      this.#handshakes.delete(place);
      this.#raw.delete(socket);
    });
    tls.emit('connection', socket);
  }

  /** Whose authority vouches for it, for whom it was made, and whether he is a member. */
  #greet(socket: TLSSocket): void {
    const certificate = trustedCertificate(socket, this.#cas);
    if (certificate === null) {
      this.#admission.turnedAway(
        addressOf(socket),
        socket.authorizationError?.toString() ?? 'no certificate',
      );
      socket.destroy();
      return;
    }
    const holder = holderOf(certificate);
    if (holder === null || holder.fleetId !== this.#fleetId || !this.#options.isMember(holder.hostId)) {
      this.#admission.turnedAway(addressOf(socket), `certificate of ${describe(holder)}, no member here`);
      socket.destroy();
      return;
    }
    this.#handshakes.get(placeOf(socket))?.();
    if (socket.alpnProtocol === STREAM_PROTOCOL) {
      this.#options.onStream(holder.hostId, socket);
      return;
    }
    this.#keepNewest(holder.hostId, socket);
    this.#options.onMember(holder.hostId, socket);
  }

  #keepNewest(hostId: string, socket: TLSSocket): void {
    const links = this.#links.get(hostId) ?? new Set();
    this.#links.set(hostId, links.add(socket));
    socket.once('close', () => links.delete(socket));
    const [oldest] = links;
    if (links.size > MAX_LINKS_PER_MEMBER) oldest?.destroy();
  }
}

function contextOf({ key, cert, ca }: Credentials): Pick<TlsOptions, 'key' | 'cert' | 'ca' | 'minVersion'> {
  return { key, cert, ca, minVersion: 'TLSv1.3' };
}

const addressOf = (socket: Socket): string => socket.remoteAddress ?? 'somebody already gone';
/** Both the plain socket and the TLS socket over it have the same far end: that ties them together. */
const placeOf = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`;

const describe = (holder: { hostId: string; fleetId: string } | null): string =>
  holder === null
    ? 'nobody in particular'
    : `host ${printable(holder.hostId)} of ${printable(holder.fleetId)}`;

const printable = (text: string): string => JSON.stringify(text.slice(0, 80));

const portProblem = (port: number, error: Error): Problem => ({
  kind: 'peer-port',
  message: `Port ${port}, on which the other hosts reach this one, cannot be opened: ${error.message}`,
  next: `Find out with "ss -tlnp" what uses port ${port} on this host, and end it.`,
});
