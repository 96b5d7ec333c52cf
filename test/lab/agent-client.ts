import { connect, type Socket } from 'node:net';
import {
  type AgentState,
  type ConsoleApi,
  consoleApi,
  consoleNotices,
  type ParamsOf,
  PROTOCOL_VERSION,
  ProblemError,
  type ResultOf,
} from '../../agent/protocol/index.ts';
import { type Link, type NoticeMessage, openLink } from '../../agent/rpc/index.ts';
import { initPid } from './host.ts';
import type { Lab } from './running-lab.ts';

export type AgentNotice = NoticeMessage<typeof consoleNotices>;

const CONNECT_MS = 2_000;

/** The agent's own socket, through the host's file system: no network, no SSH, so also in a cut. */
async function openSocket(lab: Lab, host: string): Promise<Socket | null> {
  const init = await initPid(lab.places, host);
  if (init === null) return null;
  return new Promise((resolve) => {
    const socket = connect(`/proc/${init}/root/run/understudy/agent.sock`);
    const giveUp = (): void => {
      socket.destroy();
      resolve(null);
    };
    const timer = setTimeout(giveUp, CONNECT_MS);
    socket.once('error', giveUp);
    socket.once('close', () => clearTimeout(timer));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', giveUp);
      resolve(socket);
    });
  });
}

/** A greeted conversation with one agent, as a console has it. */
export class AgentClient {
  readonly #link: Link<ConsoleApi, Record<never, never>>;

  private constructor(link: Link<ConsoleApi, Record<never, never>>) {
    this.#link = link;
  }

  /** Null while the host is off, frozen, or its agent does not answer. */
  static async open(
    lab: Lab,
    host: string,
    onNotice: (notice: AgentNotice) => void = () => {},
  ): Promise<AgentClient | null> {
    const stream = await openSocket(lab, host);
    if (!stream) return null;
    const link = openLink({ stream, calls: consoleApi, noticesIn: consoleNotices, onNotice });
    const hello = await link.call(
      'agent.hello',
      { protocol: PROTOCOL_VERSION, consoleVersion: 'lab' },
      { deadlineMs: CONNECT_MS },
    );
    if (hello.ok) return new AgentClient(link);
    link.close();
    return null;
  }

  get closed(): boolean {
    return this.#link.closed;
  }

  /** Rejects with ProblemError. */
  async call<M extends keyof ConsoleApi & string>(
    method: M,
    params: ParamsOf<ConsoleApi, M>,
  ): Promise<ResultOf<ConsoleApi, M>> {
    const answer = await this.#link.call(method, params);
    if (!answer.ok) throw new ProblemError(answer.problem);
    return answer.value;
  }

  close(): void {
    this.#link.close();
  }
}

/** One question on a connection of its own; null when the agent cannot be asked. A refusal rejects with ProblemError. */
export async function askAgent<M extends keyof ConsoleApi & string>(
  lab: Lab,
  host: string,
  method: M,
  params: ParamsOf<ConsoleApi, M>,
): Promise<ResultOf<ConsoleApi, M> | null> {
  const client = await AgentClient.open(lab, host);
  try {
    return client ? await client.call(method, params) : null;
  } catch (error) {
    const lost = ['deadline', 'link-closed', 'cancelled'];
    if (error instanceof ProblemError && lost.includes(error.problem.kind)) return null;
    throw error;
  } finally {
    client?.close();
  }
}

export const agentState = (lab: Lab, host: string): Promise<AgentState | null> =>
  askAgent(lab, host, 'state.subscribe', {});
