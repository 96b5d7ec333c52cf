import type { Body, Envelope } from './messages.ts';
import { majority } from './record.ts';
import { CONTRACT, type Rules } from './rules.ts';
import type { Timing } from './timing.ts';

export interface OwnerLeasePorts {
  now(): number;
  send(to: string, body: Body): void;
  /** Who votes, by the newest chosen record. */
  voters(): readonly string[];
  /** The lease was obtained or renewed; `until` on the boot-time clock. */
  live(candidate: boolean, until: number): void;
}

interface Request {
  id: number;
  sentAt: number;
  candidate: boolean;
  leaseMs: number;
  grants: Set<string>;
  denials: Map<string, string>;
}

/**
 * The asking side of the lease. T counts from the moment the request was *sent* (M): what the voters promise begins
 * later, at their receipt, and so ends later.
 */
export class OwnerLease {
  readonly #timing: Timing;
  readonly #rules: Rules;
  readonly #ports: OwnerLeasePorts;
  #ids = 0;
  #request: Request | null = null;
  #until = Number.NEGATIVE_INFINITY;
  #candidate = false;

  constructor(timing: Timing, ports: OwnerLeasePorts, rules: Rules = CONTRACT) {
    this.#timing = timing;
    this.#ports = ports;
    this.#rules = rules;
  }

  /** End of the live lease of that kind; in the past when there is none. */
  until(candidate: boolean): number {
    return this.#candidate === candidate ? this.#until : Number.NEGATIVE_INFINITY;
  }

  /** What became of the last request: null while it has a majority or was never made. */
  get missed(): { denials: ReadonlyMap<string, string>; sentAt: number } | null {
    const request = this.#request;
    return request === null || request.grants.size >= majority(this.#ports.voters()) ? null : request;
  }

  /** A longer lease than usual is asked for before the agent is replaced; the voters hold it as much longer. */
  ask(candidate: boolean, leaseMs = this.#timing.leaseMs): void {
    this.#ids += 1;
    const sentAt = this.#ports.now();
    this.#request = { id: this.#ids, sentAt, candidate, leaseMs, grants: new Set(), denials: new Map() };
    for (const voter of this.#ports.voters())
      this.#ports.send(voter, { kind: 'lease', id: this.#ids, candidate, leaseMs });
  }

  receive({ body, from }: Envelope): void {
    if (body.kind !== 'granted' && body.kind !== 'denied') return;
    const request = this.#request;
    const voters = this.#ports.voters();
    if (request === null || request.id !== body.id || !voters.includes(from)) return;
    if (body.kind === 'denied') {
      request.denials.set(from, body.reason);
      return;
    }
    request.grants.add(from);
    if (request.grants.size !== majority(voters)) return;
    const from0 = this.#rules.countFromSending ? request.sentAt : this.#ports.now();
    const until = from0 + request.leaseMs;
    // A longer lease obtained before is still what its voters promised.
    this.#until = this.#candidate === request.candidate ? Math.max(this.#until, until) : until;
    this.#candidate = request.candidate;
    if (until > this.#ports.now()) this.#ports.live(request.candidate, this.#until);
  }

  /** A candidate that found no majority gives back what it got, so that it does not stand in the owner's way. */
  giveUp(): void {
    this.void();
    for (const voter of this.#ports.voters()) this.#ports.send(voter, { kind: 'release', id: this.#ids });
  }

  /** A newer record was learnt: the request in flight and the lease are void (M). */
  void(): void {
    this.#request = null;
    this.#until = Number.NEGATIVE_INFINITY;
  }
}
