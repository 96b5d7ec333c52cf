import { compareEpoch, type Epoch } from '../protocol/index.ts';
import type { Permission } from './deadline-file.ts';
import type { OwnerLease } from './owner-lease.ts';
import type { Outcome, Proposer } from './proposer.ts';
import { compareBallot, type LeaseRecord, type Versioned } from './record.ts';
import type { Rules } from './rules.ts';
import type { Site } from './site.ts';
import type { Timing } from './timing.ts';
import type { Change } from './transitions.ts';
import type { Voter } from './voter.ts';

export interface MemberParts {
  self: string;
  timing: Timing;
  rules: Rules;
  site: Site;
  voter: Voter;
  proposer: Proposer;
  lease: OwnerLease;
  now(): number;
  random(): number;
  /** Looks at everything again, soon. */
  again(): void;
  audit(text: string): void;
}

/**
 * What owner and standby have in common: what is *known* (read from a majority in this life, nothing of its own in
 * doubt), swaps one at a time, and the permission the guard reads.
 */
export class Member {
  readonly parts: MemberParts;
  #confirmed: Versioned | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #unsure = true;
  /** A takeover of somebody that was found but is not known to be chosen. */
  unsettled: LeaseRecord | null = null;
  #permission: Permission | null = null;
  #busy = false;

  constructor(parts: MemberParts) {
    this.parts = parts;
  }

  get busy(): boolean {
    return this.#busy || this.parts.proposer.busy;
  }

  /**
   * The newest record known to be chosen, when it was read from a majority in this life and nothing is in doubt. An own
   * swap on its way is a doubt: it may have been chosen already (found by the simulator, seeds 12057 and 18981).
   */
  known(): LeaseRecord | null {
    const chosen = this.parts.voter.chosen;
    const doubt = this.#unsure || this.#busy || this.#confirmed === null;
    return doubt ? null : (chosen?.record ?? null);
  }

  /** When the record was last read from a majority (boot-time clock). */
  get readAt(): number {
    return this.#readAt;
  }

  read(): void {
    if (this.busy) return;
    if (!this.#unsure) {
      this.parts.proposer.read((outcome) => this.#outcome(outcome, () => undefined));
      return;
    }
    // A plain read does not stop an own proposal of before that is still on its way; a full round at a higher ballot does.
    this.swap(
      (record) => record,
      'read',
      () => undefined,
    );
  }

  /**
   * One swap. `then` runs only when the change is known to be chosen. An unknown outcome leaves this member unsure:
   * it permits itself nothing new until it has read (rule *unknown swap*).
   */
  swap(
    change: Change,
    what: string,
    then: (value: Versioned, everyone: boolean) => void,
    everyone = false,
  ): void {
    if (this.busy) return;
    this.#busy = true;
    this.parts.proposer.swap(change, everyone, (outcome) => {
      this.#busy = false;
      if (outcome.kind !== 'unreachable') this.parts.audit(`${what}: ${outcome.kind}`);
      this.#outcome(outcome, then);
    });
  }

  #outcome(outcome: Outcome, then: (value: Versioned, everyone: boolean) => void): void {
    if (outcome.kind === 'done') {
      this.#confirmed = outcome.value;
      this.#readAt = this.parts.now();
      this.#unsure = false;
      this.unsettled = null;
      then(outcome.value, outcome.everyone);
    }
    if (outcome.kind === 'unknown') {
      this.#unsure = true;
      this.unsettled = outcome.found;
    }
    if (outcome.kind === 'refused') this.#unsure = true;
    this.parts.again();
  }

  /** The permission last written, by this life. */
  get permission(): Permission | null {
    return this.#permission;
  }

  permit(permission: Permission): void {
    if (this.#permission !== null && same(this.#permission, permission)) return;
    this.#permission = permission;
    this.parts.site.permit(permission);
  }

  /** True when the chosen record this member goes by is at least `ballot`. */
  holds(voter: string, withinMs: number): boolean {
    const heard = this.parts.lease.heard.get(voter);
    const chosen = this.parts.voter.chosen;
    if (heard === undefined || chosen === null) return false;
    return this.parts.now() - heard.at <= withinMs && compareBallot(heard.holds, chosen.ballot) >= 0;
  }
}

function same(a: Permission, b: Permission): boolean {
  if (a.kind !== b.kind || !sameEpoch(a.epoch, b.epoch)) return false;
  return a.kind !== 'deadline' || (b.kind === 'deadline' && a.ms === b.ms);
}
const sameEpoch = (a: Epoch, b: Epoch): boolean => compareEpoch(a, b) === 0;
