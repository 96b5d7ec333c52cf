import type { Body, Envelope } from './messages.ts';
import { type Ballot, majority } from './record.ts';
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
  grants: Set<string>;
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
  /** When each voter last answered, and what it held then. */
  readonly heard = new Map<string, { at: number; holds: Ballot }>();

  constructor(timing: Timing, ports: OwnerLeasePorts, rules: Rules = CONTRACT) {
    this.#timing = timing;
    this.#ports = ports;
    this.#rules = rules;
  }

  /** End of the live lease of that kind; in the past when there is none. */
  until(candidate: boolean): number {
    return this.#candidate === candidate ? this.#until : Number.NEGATIVE_INFINITY;
  }

  ask(candidate: boolean): void {
    this.#ids += 1;
    this.#request = { id: this.#ids, sentAt: this.#ports.now(), candidate, grants: new Set() };
    for (const voter of this.#ports.voters())
      this.#ports.send(voter, { kind: 'lease', id: this.#ids, candidate });
  }

  receive(envelope: Envelope): void {
    const { body, from } = envelope;
    if (body.kind !== 'granted' && body.kind !== 'denied') return;
    if (this.#ports.voters().includes(from))
      this.heard.set(from, { at: this.#ports.now(), holds: body.holds });
    const request = this.#request;
    if (body.kind === 'denied' || request === null || request.id !== body.id) return;
    request.grants.add(from);
    if (request.grants.size !== majority(this.#ports.voters())) return;
    const from0 = this.#rules.countFromSending ? request.sentAt : this.#ports.now();
    this.#until = from0 + this.#timing.leaseMs;
    this.#candidate = request.candidate;
    if (this.#until > this.#ports.now()) this.#ports.live(request.candidate, this.#until);
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
