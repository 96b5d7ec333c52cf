import type { ConsoleApi, ParamsOf, Problem, Result, Task } from '../../../agent/protocol/index.ts';
import { ProblemError } from '../../../agent/protocol/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { guard } from '../fleet/guard.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import type { CommandRecord, CommandTable } from '../storage/command-table.ts';

/** Orders that an agent carries out as a task. */
export type OrderMethod =
  | 'protect.start'
  | 'protect.end'
  | 'pair.failover'
  | 'pair.switchover'
  | 'pair.resync'
  | 'pair.drill'
  | 'pair.verify'
  | 'pair.revert'
  | 'pair.discard'
  | 'pair.replaceStandby'
  | 'pair.mode';

export type OrderParams<M extends OrderMethod> = Omit<ParamsOf<ConsoleApi, M>, 'requestId' | 'actor'>;

export interface Order<M extends OrderMethod> {
  requestId: string;
  hostId: string;
  method: M;
  params: OrderParams<M>;
  /** "Protect web". */
  subject: string;
  pairId: string;
  evidence?: Record<string, string>;
}

export interface Started {
  taskId: string;
  hostId: string;
}

/** Answers after which nobody knows whether the agent has the order. */
const UNKNOWN_OUTCOME = new Set(['deadline', 'link-closed', 'host-offline', 'cancelled']);
/** An order whose answer was lost is sent again by itself for this long; later the person decides anew. */
const RESEND_MS = 120_000;

/**
 * Gives orders to agents: written down first, sent then, under one request id, so that a closed laptop or a cut in
 * the middle neither loses nor doubles one.
 */
export class Orders {
  readonly #fleet: Fleet;
  readonly #commands: CommandTable;
  readonly #audit: AuditService;
  readonly #operator: () => string;
  readonly #now: () => number;
  readonly #report: (problem: Problem) => void;

  /** `report` tells the person about an order that turned out not to have been carried out. */
  constructor(options: {
    fleet: Fleet;
    commands: CommandTable;
    audit: AuditService;
    operator: () => string;
    now: () => number;
    report: (problem: Problem) => void;
  }) {
    this.#fleet = options.fleet;
    this.#commands = options.commands;
    this.#audit = options.audit;
    this.#operator = options.operator;
    this.#now = options.now;
    this.#report = options.report;
    options.fleet.subscribe((event) => {
      if (event.kind === 'online') guard(this.#report, () => this.#resume(event.hostId));
    });
  }

  /** Throws ProblemError: the agent's refusal, `host-offline`, `outcome-unknown` or `request-used`. */
  async give<M extends OrderMethod>(order: Order<M>): Promise<Started> {
    const known = this.#commands.get(order.requestId);
    if (known !== null) return this.#again(known);
    const host = unwrap(this.#fleet.find(order.hostId));
    if (host.reach !== 'answers') throw new ProblemError(offline(host, order.subject));
    const { requestId, hostId, method, subject } = order;
    const params = { ...order.params, requestId, actor: this.#operator() };
    this.#commands.add({ requestId, hostId, method, params, subject, orderedAt: this.#now() });
    this.#audit.write({
      event: `${method.replace('.', '-')}-ordered`,
      pairId: order.pairId,
      text: `${subject}: ordered from ${host.record.name}.`,
      ...(order.evidence ? { evidence: order.evidence } : {}),
    });
    return this.#send(host, this.#written(requestId));
  }

  #written(requestId: string): CommandRecord {
    const command = this.#commands.get(requestId);
    if (command === null) throw new Error(`order ${requestId} was not written down`);
    return command;
  }

  /** The page asks for the same order again, e.g. after a reload. */
  async #again(command: CommandRecord): Promise<Started> {
    if (command.state === 'accepted') return { taskId: command.requestId, hostId: command.hostId };
    if (command.state !== 'open') throw new ProblemError(used(command));
    return this.#send(unwrap(this.#fleet.find(command.hostId)), command);
  }

  async #send(host: HostEntry, command: CommandRecord): Promise<Started> {
    const answer = await callOrder(host, command);
    if (answer.ok) return this.#accepted(command, answer.value.task.id);
    if (UNKNOWN_OUTCOME.has(answer.problem.kind)) throw new ProblemError(unknownOutcome(host, command));
    this.#commands.settle(command.requestId, 'refused', null);
    this.#audit.write({
      event: 'order-refused',
      text: `${command.subject}: ${host.record.name} refused. ${answer.problem.message}`,
    });
    throw new ProblemError(answer.problem);
  }

  #accepted(command: CommandRecord, taskId: string): Started {
    this.#commands.settle(command.requestId, 'accepted', taskId);
    return { taskId, hostId: command.hostId };
  }

  /** The host is back: settles the orders whose outcome is not known. */
  async #resume(hostId: string): Promise<void> {
    for (const command of this.#commands.openFor(hostId)) {
      const host = this.#fleet.get(hostId);
      if (host === null) return;
      if (host.tasks.has(command.requestId)) this.#accepted(command, command.requestId);
      else if (this.#mayResend(command)) await this.#resend(host, command);
      else this.#lost(host, command, null);
    }
  }

  /** A failover is never repeated by itself: what the person saw when confirming may be over. */
  #mayResend(command: CommandRecord): boolean {
    return command.method !== 'pair.failover' && this.#now() - command.orderedAt <= RESEND_MS;
  }

  async #resend(host: HostEntry, command: CommandRecord): Promise<void> {
    const answer = await callOrder(host, command);
    if (answer.ok) this.#accepted(command, answer.value.task.id);
    else if (!UNKNOWN_OUTCOME.has(answer.problem.kind)) this.#lost(host, command, answer.problem);
  }

  #lost(host: HostEntry, command: CommandRecord, cause: Problem | null): void {
    this.#commands.settle(command.requestId, 'lost', null);
    const problem = notCarriedOut(host, command, cause);
    this.#audit.write({ event: 'order-lost', text: problem.message });
    this.#report(problem);
  }
}

function callOrder(host: HostEntry, command: CommandRecord): Promise<Result<{ task: Task }>> {
  // The journal holds what this version wrote; the link validates it against the method's schema anyway.
  return host.link.call(command.method as OrderMethod, command.params as ParamsOf<ConsoleApi, OrderMethod>);
}

/** The value, or the problem thrown. */
export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new ProblemError(result.problem);
  return result.value;
}

function offline(host: HostEntry, subject: string): Problem {
  return {
    kind: 'host-offline',
    message: `${subject} was not ordered: ${host.record.name} does not answer this console.`,
    next: `Open ${host.record.name} and reconnect it, then order again.`,
  };
}

function unknownOutcome(host: HostEntry, command: CommandRecord): Problem {
  return {
    kind: 'outcome-unknown',
    message: `${command.subject} was sent, but the connection to ${host.record.name} broke before it answered.`,
    next: 'Watch Activity: it is asked again as soon as it answers, and nothing is done twice.',
  };
}

function used(command: CommandRecord): Problem {
  return {
    kind: 'request-used',
    message: `${command.subject} was ordered before and came to nothing.`,
    next: 'Order it anew.',
  };
}

function notCarriedOut(host: HostEntry, command: CommandRecord, cause: Problem | null): Problem {
  const why = cause ? `: ${cause.message}` : ', and it never reached the host.';
  return {
    kind: 'order-lost',
    message: `${command.subject}, ordered from ${host.record.name} earlier, was not carried out${why}`,
    next: cause?.next ?? 'Look at the present state and order it anew if it is still right.',
  };
}
