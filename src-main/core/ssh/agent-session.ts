import {
  type AgentState,
  type ConsoleApi,
  consoleApi,
  consoleNotices,
  fail,
  type Hello,
  ok,
  PROTOCOL_VERSION,
  type Problem,
  type Result,
} from '../../../agent/protocol/index.ts';
import { type Link, type NoticeMessage, openLink } from '../../../agent/rpc/index.ts';
import { agentMissing, agentSilent, agentTooOld, consoleTooOld } from './agent-problems.ts';
import { connectionLost } from './problems.ts';
import type { SshConnection, SshTarget } from './types.ts';

export const AGENT_SOCKET = '/run/understudy/agent.sock';

export type AgentNotice = NoticeMessage<typeof consoleNotices>;
export type AgentLink = Link<ConsoleApi, Record<never, never>>;

/** Opens the forward and the JSON-RPC link to the agent's socket; greets nobody yet. */
export async function openAgentLink(
  ssh: SshConnection,
  onNotice: (notice: AgentNotice) => void,
  onClose: () => void,
): Promise<Result<AgentLink>> {
  const stream = await ssh.openSocket(AGENT_SOCKET);
  if (!stream.ok) {
    return stream.problem.kind === 'socket-unavailable' ? fail(agentMissing(ssh.target)) : stream;
  }
  return ok(
    openLink({ stream: stream.value, calls: consoleApi, noticesIn: consoleNotices, onNotice, onClose }),
  );
}

/** The greeting; refuses an agent that speaks another version of the protocol. */
export async function greet(
  link: AgentLink,
  ssh: SshConnection,
  consoleVersion: string,
): Promise<Result<Hello>> {
  const hello = await link.call('agent.hello', { protocol: PROTOCOL_VERSION, consoleVersion });
  if (!hello.ok) return fail(notGreeted(hello.problem, ssh.target));
  const { protocol, version } = hello.value;
  if (protocol < PROTOCOL_VERSION) return fail(agentTooOld(ssh.target, version));
  if (protocol > PROTOCOL_VERSION) return fail(consoleTooOld(ssh.target, version));
  return hello;
}

/** An agent of another protocol refuses the greeting itself; it does not know by what name it is known here. */
function notGreeted(problem: Problem, target: SshTarget): Problem {
  const version = problem.details?.version ?? 'unknown';
  if (problem.kind === 'link-closed') return agentMissing(target);
  if (problem.kind === 'agent-too-old') return agentTooOld(target, version);
  if (problem.kind === 'console-too-old') return consoleTooOld(target, version);
  return problem;
}

/** Silence after which the agent is asked whether it is there; it sends its load more often than that. */
const QUIET_MS = 10_000;
const ANSWER_MS = 4000;

/**
 * One greeted, subscribed conversation with an agent. Notices that come before the state is known wait for it.
 * Ends by itself when SSH, the link or the agent dies.
 */
export class AgentSession {
  readonly hello: Hello;
  readonly state: AgentState;
  readonly link: AgentLink;
  readonly #ssh: SshConnection;
  readonly #feed: NoticeFeed;
  readonly #timer: NodeJS.Timeout;
  #onEnd: ((problem: Problem) => void) | null = null;
  #ended: Problem | null = null;

  static async open(ssh: SshConnection, consoleVersion: string): Promise<Result<AgentSession>> {
    const feed = new NoticeFeed();
    const link = await openAgentLink(
      ssh,
      (notice) => feed.push(notice),
      () => feed.end(),
    );
    if (!link.ok) return link;
    const hello = await greet(link.value, ssh, consoleVersion);
    const state = hello.ok ? await link.value.call('state.subscribe', {}) : hello;
    if (!hello.ok || !state.ok) {
      link.value.close();
      return hello.ok ? (state as Result<never>) : hello;
    }
    return ok(new AgentSession(ssh, link.value, feed, hello.value, state.value));
  }

  private constructor(
    ssh: SshConnection,
    link: AgentLink,
    feed: NoticeFeed,
    hello: Hello,
    state: AgentState,
  ) {
    this.#ssh = ssh;
    this.#feed = feed;
    this.link = link;
    this.hello = hello;
    this.state = state;
    ssh.onClose((problem) => this.#end(problem));
    feed.onEnd = () => this.#end(agentMissing(ssh.target));
    this.#timer = setInterval(() => void this.#knock(), QUIET_MS);
    this.#timer.unref();
  }

  /** From now on `onNotice` gets every notice, the waiting ones first; `onEnd` comes once. */
  listen(onNotice: (notice: AgentNotice) => void, onEnd: (problem: Problem) => void): void {
    this.#onEnd = onEnd;
    this.#feed.drainTo(onNotice);
    if (this.#ended) onEnd(this.#ended);
  }

  close(): void {
    this.#onEnd = null;
    this.#end(connectionLost(this.#ssh.target, 'closed'));
  }

  async #knock(): Promise<void> {
    if (Date.now() - this.#feed.heardAt < QUIET_MS) return;
    const answer = await this.link.call('sight.list', {}, { deadlineMs: ANSWER_MS });
    if (answer.ok) this.#feed.heardAt = Date.now();
    else if (answer.problem.kind === 'deadline') this.#end(agentSilent(this.#ssh.target));
  }

  #end(problem: Problem): void {
    if (this.#ended) return;
    this.#ended = problem;
    clearInterval(this.#timer);
    this.link.close();
    this.#ssh.close();
    this.#onEnd?.(problem);
  }
}

/** Keeps notices until somebody listens. */
class NoticeFeed {
  heardAt = Date.now();
  onEnd: (() => void) | null = null;
  #ended = false;
  #waiting: AgentNotice[] = [];
  #listener: ((notice: AgentNotice) => void) | null = null;

  push(notice: AgentNotice): void {
    this.heardAt = Date.now();
    if (this.#listener) this.#listener(notice);
    else this.#waiting.push(notice);
  }

  drainTo(listener: (notice: AgentNotice) => void): void {
    this.#listener = listener;
    for (const notice of this.#waiting.splice(0)) listener(notice);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd?.();
  }
}
