import {
  type AgentState,
  type ConsoleApi,
  fail,
  type Hello,
  ok,
  type ParamsOf,
  type Problem,
  type Result,
  type ResultOf,
} from '../../../agent/protocol/index.ts';
import type { Caller } from '../../../agent/rpc/index.ts';
import type { Connection } from '../../contract/index.ts';
import type { HostLink, HostLinkEvent, HostNotice, HostTarget, OpenHostLink } from '../fleet/host-link.ts';
import { hostOffline, loginNeeded } from './agent-problems.ts';
import { type AgentNotice, AgentSession } from './agent-session.ts';
import { backoffMs } from './backoff.ts';
import { connectSsh, type SshServices } from './connect.ts';
import { cancelled } from './problems.ts';
import type { KeepAlive } from './types.ts';

export interface HostLinkServices {
  ssh: SshServices;
  consoleVersion: string;
  /** Called at every greeting, and when another console was given the fleet's trust meanwhile. */
  onGreeted?: (agent: Caller<ConsoleApi>, hello: Hello, state: AgentState) => void;
  /** Called with what was greeted; true when another agent runs there now. */
  replaceIfOlder?: (target: HostTarget, found: { version: string; tooOld: boolean }) => Promise<boolean>;
  /** Default: a dead host is noticed within 4.5 s. */
  keepAlive?: KeepAlive;
  /** 0..1, for the jitter. */
  random?: () => number;
}

const KEEP_ALIVE: KeepAlive = { intervalMs: 1500, countMax: 2 };

/** A host that comes back must not wait for an attempt begun while it was away. */
const TCP_TIMEOUT_MS = 4000;

/** Failures that trying again cannot mend: the link waits for the person. */
const NEEDS_A_PERSON = new Set([
  'agent-empty',
  'agent-too-old',
  'auth-refused',
  'console-too-old',
  'forwarding-refused',
  'host-key-changed',
  'host-key-revoked',
  'host-key-unknown',
  'jump-not-supported',
  'key-format',
  'key-unreadable',
  'login-needed',
  'passphrase-needed',
  'second-factor',
  'ssh-agent-missing',
  'wrong-passphrase',
  'wrong-password',
]);

export function createHostLinks(services: HostLinkServices): OpenHostLink {
  return (target) => new ReconnectingLink(services, target);
}

interface Attempt {
  controller: AbortController;
  decided: Promise<Result<void>>;
}

/**
 * Keeps one host's link up. While it is down and tried again by itself, `connection` stays `offline` with the
 * reason: the map must not flicker. `connecting` shows only the first attempt and those a person asked for.
 */
class ReconnectingLink implements HostLink {
  readonly #services: HostLinkServices;
  readonly #listeners = new Set<(event: HostLinkEvent) => void>();
  #target: HostTarget;
  #connection: Connection = { state: 'connecting', since: Date.now(), attempt: 0 };
  #session: AgentSession | null = null;
  #attempt: Attempt | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #started = false;
  #closed = false;

  constructor(services: HostLinkServices, target: HostTarget) {
    this.#services = services;
    this.#target = target;
  }

  get connection(): Connection {
    return this.#connection;
  }

  subscribe(listener: (event: HostLinkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.retry();
  }

  async retry(target?: HostTarget): Promise<Result<void>> {
    if (this.#closed) return fail(hostOffline(this.#target.name));
    if (target === undefined) {
      if (this.#session !== null) return ok(undefined);
      if (this.#attempt !== null) return this.#attempt.decided;
    } else {
      this.#target = target;
      this.#dropSession();
      await this.#abandonAttempt();
    }
    this.#started = true;
    const since = this.#connection.state === 'online' ? Date.now() : this.#connection.since;
    this.#show({ state: 'connecting', since, attempt: this.#failures + 1 });
    return this.#begin();
  }

  hurry(): void {
    if (this.#timer === null || this.#closed) return;
    this.#failures = 0;
    void this.#begin();
  }

  async call<M extends keyof ConsoleApi & string>(
    method: M,
    params: ParamsOf<ConsoleApi, M>,
    options?: { signal?: AbortSignal; deadlineMs?: number },
  ): Promise<Result<ResultOf<ConsoleApi, M>>> {
    if (this.#session === null) return fail(hostOffline(this.#target.name));
    return this.#session.link.call(method, params, options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    this.#dropSession();
    await this.#abandonAttempt();
    this.#listeners.clear();
  }

  #begin(): Promise<Result<void>> {
    this.#stopTimer();
    const controller = new AbortController();
    const decided = this.#connect(controller.signal).then((result) => {
      if (this.#attempt?.controller === controller) this.#attempt = null;
      return result;
    });
    this.#attempt = { controller, decided };
    return decided;
  }

  async #connect(signal: AbortSignal): Promise<Result<void>> {
    const session = await this.#openSession(signal);
    if (signal.aborted) {
      if (session.ok) session.value.close();
      return fail(cancelled());
    }
    if (session.ok) this.#online(session.value);
    else this.#offline(session.problem);
    return session.ok ? ok(undefined) : session;
  }

  async #openSession(signal: AbortSignal): Promise<Result<AgentSession>> {
    const session = await this.#greet(signal);
    const found = foundBy(session);
    const { replaceIfOlder } = this.#services;
    if (found === null || signal.aborted || !(await replaceIfOlder?.(this.#target, found))) return session;
    if (session.ok) session.value.close();
    return this.#greet(signal);
  }

  async #greet(signal: AbortSignal): Promise<Result<AgentSession>> {
    const { name, address, port, user, login, fingerprint } = this.#target;
    if (login === null) return fail(loginNeeded(name));
    const ssh = await connectSsh(this.#services.ssh, {
      target: { name, address, port },
      login: { user, login },
      expected: fingerprint,
      keepAlive: this.#services.keepAlive ?? KEEP_ALIVE,
      tcpTimeoutMs: TCP_TIMEOUT_MS,
      signal,
    });
    if (!ssh.ok) return ssh;
    signal.addEventListener('abort', () => ssh.value.close(), { once: true });
    const session = await AgentSession.open(ssh.value, this.#services.consoleVersion);
    if (!session.ok) ssh.value.close();
    return session;
  }

  #online(session: AgentSession): void {
    this.#session = session;
    this.#failures = 0;
    this.#show({ state: 'online', since: Date.now() });
    this.#emit({ kind: 'hello', hello: session.hello });
    this.#emit({ kind: 'state', state: session.state });
    const greeted = (): void => this.#services.onGreeted?.(session.link, session.hello, session.state);
    greeted();
    session.listen(
      (notice) => {
        this.#emit({ kind: 'notice', notice: asHostNotice(notice) });
        if (tellsOfAuthority(notice)) greeted();
      },
      (problem) => this.#lost(session, problem),
    );
  }

  #lost(session: AgentSession, problem: Problem): void {
    if (this.#session !== session) return;
    this.#session = null;
    this.#offline(problem);
  }

  #offline(problem: Problem): void {
    if (this.#closed) return;
    this.#failures += 1;
    const now = Date.now();
    const since = this.#connection.state === 'online' ? now : this.#connection.since;
    if (NEEDS_A_PERSON.has(problem.kind)) {
      this.#show({ state: 'offline', since, retryAt: null, problem });
      return;
    }
    const wait = backoffMs(this.#failures, now - since, this.#services.random ?? Math.random);
    this.#timer = setTimeout(() => void this.#begin(), wait);
    this.#show({ state: 'offline', since, retryAt: now + wait, problem });
  }

  #dropSession(): void {
    const session = this.#session;
    this.#session = null;
    session?.close();
  }

  async #abandonAttempt(): Promise<void> {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    attempt.controller.abort();
    await attempt.decided;
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #show(connection: Connection): void {
    this.#connection = connection;
    this.#emit({ kind: 'connection', connection });
  }

  #emit(event: HostLinkEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

/** The agent's version, also where its protocol is too old to go on. */
function foundBy(session: Result<AgentSession>): { version: string; tooOld: boolean } | null {
  if (session.ok) return { version: session.value.hello.version, tooOld: false };
  const { kind, details } = session.problem;
  return kind === 'agent-too-old' ? { version: details?.version ?? '', tooOld: true } : null;
}

/** A console that is attached all the time hears of a new authority by the agent's history. */
function tellsOfAuthority({ name, value }: AgentNotice): boolean {
  return name === 'audit' && value.event === 'authority-trusted';
}

function asHostNotice({ name, value }: AgentNotice): HostNotice {
  // The same union under two field names; TypeScript does not follow a mapped union through a rename.
  return { notice: name, value } as HostNotice;
}
