import type { Envelope } from './messages.ts';
import { type Ballot, compareBallot, newest, type Versioned } from './record.ts';

export interface RecoveryPorts {
  others(): string[];
  /** A ballot above everything seen. */
  ballot(): Ballot;
  prepare(to: string, ballot: Ballot): void;
  /** *Both* others promised `fence`; `accepted` is the newest they hold. */
  recovered(fence: Ballot, accepted: Versioned | null): void;
}

/**
 * Rule *continuity*: a voter whose history is in doubt reads both others under one ballot. Their promise makes sure that
 * nothing it may have voted for in the forgotten past can still be chosen behind its back.
 */
export class Recovery {
  readonly #ports: RecoveryPorts;
  #fence: Ballot | null = null;
  readonly #promises = new Map<string, Versioned | null>();

  constructor(ports: RecoveryPorts) {
    this.#ports = ports;
  }

  /** Asks (again); call now and then while in doubt. */
  ask(): void {
    const others = this.#ports.others();
    if (others.length === 0) return;
    this.#fence = this.#ports.ballot();
    this.#promises.clear();
    for (const other of others) this.#ports.prepare(other, this.#fence);
  }

  receive({ body, from }: Envelope): void {
    const fence = this.#fence;
    if (fence === null || body.kind !== 'promise' || compareBallot(body.ballot, fence) !== 0) return;
    this.#promises.set(from, body.accepted);
    if (!this.#ports.others().every((other) => this.#promises.has(other))) return;
    let accepted: Versioned | null = null;
    for (const one of this.#promises.values()) accepted = newest(accepted, one);
    this.#fence = null;
    this.#ports.recovered(fence, accepted);
  }
}
