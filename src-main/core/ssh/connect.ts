import type { Socket } from 'node:net';
import ssh2, { type AnyAuthMethod, type Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { fail, ok, type Problem, type Result } from '../../../agent/protocol/index.ts';
import type { HostKeyOffer } from '../../contract/index.ts';
import { ClientConnection } from './connection.ts';
import type { SshEnvironment } from './environment.ts';
import { hostKeyOf } from './fingerprint.ts';
import type { HostKeys, HostKeysOfHost } from './host-keys.ts';
import { type LoginAttempt, prepareLogin } from './login.ts';
import {
  cancelled,
  connectionLost,
  jumpNotSupported,
  noCommonAlgorithm,
  notSsh,
  unreachable,
} from './problems.ts';
import { openTcp } from './socket.ts';
import { readSshConfig } from './ssh-config.ts';
import type { HostKey, KeepAlive, SshConnection, SshLogin, SshTarget } from './types.ts';

export interface SshServices {
  environment: SshEnvironment;
  hostKeys: HostKeys;
}

export interface ConnectOrder {
  target: SshTarget;
  login: SshLogin;
  /** The fingerprint a person confirmed; null: only a key known from before passes. */
  expected: string | null;
  keepAlive?: KeepAlive;
  /** For TCP, key exchange and log-in together; default 20 000. */
  timeoutMs?: number;
  /** For TCP alone; default 10 000. */
  tcpTimeoutMs?: number;
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 20_000;
const DEFAULT_TCP_TIMEOUT_MS = 10_000;
/** Long transfers may hold up answers for some seconds; links that must notice a death set their own. */
const DEFAULT_KEEP_ALIVE: KeepAlive = { intervalMs: 10_000, countMax: 3 };

/** Connects, checks the host key, logs in. */
export async function connectSsh(services: SshServices, order: ConnectOrder): Promise<Result<SshConnection>> {
  const attempt = await prepareLogin(order.login, services.environment);
  if (!attempt.ok) return attempt;
  const route = await findRoute(services, order.target);
  if (!route.ok) return route;
  const handshake = new Handshake(route.value, order, attempt.value);
  return handshake.run();
}

/** Reads the host key of a server without logging in. */
export async function probeHostKey(
  services: SshServices,
  target: SshTarget,
  signal?: AbortSignal,
): Promise<Result<HostKeyOffer>> {
  const route = await findRoute(services, target);
  if (!route.ok) return route;
  const key = await new Handshake(
    route.value,
    { target, login: null, expected: null, ...(signal ? { signal } : {}) },
    null,
  ).readKey();
  return key.ok ? ok(route.value.keys.offer(key.value)) : key;
}

interface Route {
  /** The address to connect to, aliases resolved; the name stays. */
  target: SshTarget;
  keys: HostKeysOfHost;
}

async function findRoute({ environment, hostKeys }: SshServices, target: SshTarget): Promise<Result<Route>> {
  const configured = (await readSshConfig(environment)).lookup(target.address);
  if (configured.jump !== null) return fail(jumpNotSupported(target, configured.jump));
  const port = target.port === 22 ? (configured.port ?? 22) : target.port;
  const known = { address: configured.hostKeyAlias ?? configured.address, port };
  const keys = await hostKeys.forHost(target, known);
  return ok({ target: { name: target.name, address: configured.address, port }, keys });
}

type HandshakeOrder = Omit<ConnectOrder, 'login'> & { login: SshLogin | null };

/** One connection attempt, from TCP to log-in. The first outcome counts, whatever the socket says afterwards. */
class Handshake {
  readonly #route: Route;
  readonly #order: HandshakeOrder;
  readonly #attempt: LoginAttempt | null;
  #key: HostKey | null = null;
  #keyProblem: Problem | null = null;
  #keysExchanged = false;

  constructor(route: Route, order: HandshakeOrder, attempt: LoginAttempt | null) {
    this.#route = route;
    this.#order = order;
    this.#attempt = attempt;
  }

  async run(): Promise<Result<SshConnection>> {
    const client = new ssh2.Client();
    const opened = await this.#open(client, (key) => this.#admit(key));
    if (!opened.ok) return opened;
    if (this.#key === null) throw new Error('logged in without a host key');
    const user = this.#order.login?.user ?? '';
    return ok(
      new ClientConnection({ client, socket: opened.value, user, hostKey: this.#key }, this.#route.target),
    );
  }

  async readKey(): Promise<Result<HostKey>> {
    const opened = await this.#open(new ssh2.Client(), () => false);
    if (this.#key !== null) return ok(this.#key);
    return opened.ok ? fail(notSsh(this.#route.target)) : opened;
  }

  #admit(key: HostKey): boolean {
    const admitted = this.#route.keys.admit(this.#route.target, key, this.#order.expected);
    if (!admitted.ok) this.#keyProblem = admitted.problem;
    return admitted.ok;
  }

  async #open(client: Client, verify: (key: HostKey) => boolean): Promise<Result<Socket>> {
    const started = Date.now();
    const timeoutMs = this.#order.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const tcpTimeoutMs = Math.min(this.#order.tcpTimeoutMs ?? DEFAULT_TCP_TIMEOUT_MS, timeoutMs);
    const tcp = await openTcp(this.#route.target, tcpTimeoutMs, this.#order.signal);
    if (!tcp.ok) return tcp;
    const result = await new Promise<Result<void>>((resolve) => {
      const onAbort = (): void => resolve(fail(cancelled()));
      this.#order.signal?.addEventListener('abort', onAbort, { once: true });
      client.on('handshake', () => {
        this.#keysExchanged = true;
      });
      client.once('ready', () => resolve(ok(undefined)));
      // Stays for the life of the client: ssh2 throws errors nobody listens to.
      client.on('error', (error: SshError) => {
        if (error.level !== 'agent') resolve(fail(this.#problemOf(error)));
      });
      client.once('close', () => resolve(fail(this.#problemOf(new Error('the host closed it')))));
      client.connect({
        sock: tcp.value,
        username: this.#order.login?.user ?? 'understudy',
        readyTimeout: Math.max(1000, timeoutMs - (Date.now() - started)),
        keepaliveInterval: (this.#order.keepAlive ?? DEFAULT_KEEP_ALIVE).intervalMs,
        keepaliveCountMax: (this.#order.keepAlive ?? DEFAULT_KEEP_ALIVE).countMax,
        // Practice hosts and other servers than OpenSSH forward to unix sockets too; those that do not, refuse.
        strictVendor: false,
        algorithms: { serverHostKey: hostKeyOrder(this.#route.keys.rememberedAlgorithms()) },
        hostVerifier: (blob: Buffer, done: (accepted: boolean) => void) => {
          this.#key = hostKeyOf(blob);
          done(verify(this.#key));
        },
        authHandler: (left, partial, next) => {
          // `false` ends the log-in; @types/ssh2 forgets it.
          next((this.#attempt?.next(left, partial) ?? false) as AnyAuthMethod);
        },
      });
    });
    // ssh2's own destroy() leaves a socket alone that it has ended.
    if (!result.ok) tcp.value.destroy();
    return result.ok ? ok(tcp.value) : result;
  }

  #problemOf(error: SshError): Problem {
    const target = this.#route.target;
    if (this.#keyProblem !== null) return this.#keyProblem;
    if (error.level === 'client-authentication' && this.#attempt) return this.#attempt.refusal(target);
    if (this.#keysExchanged) {
      if (/too many authentication failures/i.test(error.message) && this.#attempt) {
        return this.#attempt.refusal(target);
      }
      if (error.level === 'client-timeout') return unreachable(target, 'the log-in took too long');
      return connectionLost(target, error.message);
    }
    if (/no matching|handshake failed/i.test(error.message)) return noCommonAlgorithm(target, error.message);
    return notSsh(target);
  }
}

interface SshError extends Error {
  level?: string;
}

/** Signature algorithms by key type (RFC 8332 for RSA); ed25519 before all others unless another is remembered. */
const SIGNATURES: Record<string, ServerHostKeyAlgorithm[]> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
};

function hostKeyOrder(remembered: string[]): ServerHostKeyAlgorithm[] {
  const order = [...remembered, ...Object.keys(SIGNATURES)].flatMap((type) => SIGNATURES[type] ?? []);
  return [...new Set(order)];
}
