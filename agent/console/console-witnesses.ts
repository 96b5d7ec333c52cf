import * as v from 'valibot';
import { Envelope } from '../lease/messages.ts';
import type { Peers } from '../peers/peers.ts';
import type { Clock } from '../ports.ts';
import {
  type ConsoleNotices,
  fail,
  ok,
  type Peer,
  type PeerApi,
  type Problem,
  ProblemError,
  peerApi,
  type Result,
  type Sight,
  WitnessCall,
} from '../protocol/index.ts';
import type { Caller, Notifier } from '../rpc/link.ts';

/** A console that votes, as long as its connection lasts. */
export interface WitnessLine {
  hostId: string;
  name: string;
  console: Notifier<ConsoleNotices>;
}

interface Waiting {
  line: WitnessLine;
  decide(answer: Result<unknown>): void;
}

/**
 * The other members, and with them those consoles that are witnesses: their votes come and go over the console's own
 * connection instead of the agents' port. To everybody else they look like any voter.
 */
export class ConsoleWitnesses implements Peers {
  readonly #members: Peers;
  readonly #clock: Clock;
  readonly #lines = new Map<string, WitnessLine>();
  /** Names outlast the connection: a sleeping laptop is still called what it is called. */
  readonly #names = new Map<string, string>();
  readonly #listeners = new Set<(envelope: Envelope) => void>();
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(members: Peers, clock: Clock) {
    this.#members = members;
    this.#clock = clock;
  }

  /** The last connection that says so counts. Throws ProblemError when a host of the fleet has this id. */
  attach(line: WitnessLine): void {
    if (this.#members.get(line.hostId) !== null) throw new ProblemError(takenId(line.name));
    this.#lines.set(line.hostId, line);
    this.#names.set(line.hostId, line.name);
  }

  detach(line: WitnessLine): void {
    if (this.#lines.get(line.hostId) === line) this.#lines.delete(line.hostId);
    for (const [id, waiting] of this.#waiting) {
      if (waiting.line !== line) continue;
      this.#waiting.delete(id);
      waiting.decide(fail(notThere(line.name)));
    }
  }

  /** What came over the line; anything said in another's name is not heard. */
  receive(line: WitnessLine, raw: unknown): void {
    const parsed = v.safeParse(Envelope, raw);
    if (!parsed.success || parsed.output.from !== line.hostId) return;
    for (const listener of this.#listeners) listener(parsed.output);
  }

  answered(line: WitnessLine, answer: { id: number; result?: unknown; problem: Problem | null }): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting?.line !== line) return;
    this.#waiting.delete(answer.id);
    waiting.decide(answer.problem === null ? ok(answer.result) : fail(answer.problem));
  }

  to(hostId: string): Caller<PeerApi> {
    const line = this.#lines.get(hostId);
    if (line !== undefined) return { call: (method, params) => this.#call(line, method, params) };
    const name = this.#names.get(hostId);
    return name === undefined ? this.#members.to(hostId) : { call: async () => fail(notThere(name)) };
  }

  get(hostId: string): Peer | null {
    const name = this.#names.get(hostId);
    if (name === undefined) return this.#members.get(hostId);
    return { hostId, name, address: '', port: 0, replicationPort: 0, role: 'witness' };
  }

  sights(): Sight[] {
    return this.#members.sights();
  }

  sight(hostId: string): Sight | null {
    return this.#members.sight(hostId);
  }

  send(envelope: Envelope): void {
    const line = this.#lines.get(envelope.to);
    if (line !== undefined) line.console.notify('envelope', { envelope });
    else if (!this.#names.has(envelope.to)) this.#members.send(envelope);
  }

  onEnvelope(listener: (envelope: Envelope) => void): () => void {
    this.#listeners.add(listener);
    const end = this.#members.onEnvelope(listener);
    return () => {
      end();
      this.#listeners.delete(listener);
    };
  }

  openStream(hostId: string, topic: string): ReturnType<Peers['openStream']> {
    return this.#members.openStream(hostId, topic);
  }

  onStream(listener: Parameters<Peers['onStream']>[0]): void {
    this.#members.onStream(listener);
  }

  onSight(listener: (sight: Sight) => void): () => void {
    return this.#members.onSight(listener);
  }

  async #call<M extends keyof PeerApi & string>(
    line: WitnessLine,
    method: M,
    params: unknown,
  ): ReturnType<Caller<PeerApi>['call']> {
    this.#lastId += 1;
    const id = this.#lastId;
    const call = v.safeParse(WitnessCall, { id, method, params });
    if (!call.success) return fail(notForConsoles(line.name, method));
    const { deadlineMs, result } = peerApi[method];
    const answer = await new Promise<Result<unknown>>((decide) => {
      this.#waiting.set(id, { line, decide });
      this.#clock.setTimeout(() => {
        if (this.#waiting.delete(id)) decide(fail(notThere(line.name)));
      }, deadlineMs);
      line.console.notify('witnessCall', call.output);
    });
    if (!answer.ok) return answer;
    const checked = v.safeParse(result, answer.value);
    return checked.success ? ok(checked.output) : fail(notForConsoles(line.name, method));
  }
}

function takenId(name: string): Problem {
  return {
    kind: 'witness-id-taken',
    message: `${name} votes under the id of a host of this fleet.`,
    next: 'Look whether two machines carry the same identity.',
  };
}

function notThere(name: string): Problem {
  return {
    kind: 'peer-unreachable',
    message: `${name} is not connected now, so it gives no vote.`,
    next: 'Wake the workstation and start Understudy on it, or choose another witness.',
  };
}

function notForConsoles(name: string, method: string): Problem {
  return {
    kind: 'malformed',
    message: `${name} and this agent do not understand each other (${method}).`,
    next: 'Bring both to the same version.',
  };
}
