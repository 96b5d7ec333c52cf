import { compareEpoch, type Epoch } from '../protocol/index.ts';
import { type Audit, Changes } from './audit.ts';
import type { Contacts } from './contacts.ts';
import type { Permission } from './deadline-file.ts';
import type { OwnerLease } from './owner-lease.ts';
import type { Outcome, Proposer } from './proposer.ts';
import type { LeaseRecord, Versioned } from './record.ts';
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
  contacts: Contacts;
  now(): number;
  random(): number;
  /** Looks at everything again, soon. */
  again(): void;
  audit: Audit;
}

/** What a swap is for: its entry in the audit log when it was made. */
export interface Purpose {
  event: string;
  text(value: LeaseRecord): string;
  /** It was not made, or is not known to be: `refused: reason` or `unreachable`. */
  failed?(result: string): void;
  /** No majority could be asked, or none confirmed it: for what a person's word allows without one. */
  alone?(): void;
}

/**
 * What owner and standby have in common: what is *known* (read from a majority in this life, nothing of its own in
 * doubt), swaps one at a time, and the permission the guard reads.
 */
export class Member {
  readonly parts: MemberParts;
  readonly changes: Changes;
  #confirmed: Versioned | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #unsure = true;
  /** A takeover of somebody that was found but is not known to be chosen. */
  unsettled: LeaseRecord | null = null;
  #permission: Permission | null = null;
  #busy = false;

  constructor(parts: MemberParts) {
    this.parts = parts;
    this.changes = new Changes(parts.audit);
  }

  get busy(): boolean {
    return this.#busy || this.parts.proposer.busy;
  }

  /**
   * The newest record known to be chosen, when it was read from a majority in this life and nothing is in doubt. An own
   * swap on its way is a doubt: it may have been chosen already (found by the simulator, seeds 12057 and 18981).
   */
  known(): LeaseRecord | null {
    const record = this.parts.voter.chosen?.record ?? null;
    const read = this.#confirmed !== null && !this.#unsure;
    const doubt = this.#busy || (!read && !this.forcedHere(record));
    return doubt ? null : record;
  }

  /**
   * A person has made this host the owner against the majority, and it has not begun: nobody else changes hands in that
   * history, and nobody takes it back.
   */
  forcedHere(record: LeaseRecord | null): boolean {
    return record?.change === 'forced' && !record.begun && record.owner === this.parts.self;
  }

  /**
   * Written here without a majority, by a person's word: above every ballot of the same history. A later one, of which a voter
   * may have told, outranks it still.
   */
  override(before: Versioned, record: LeaseRecord): void {
    const { proposer, voter } = this.parts;
    const chosen = { ballot: { ...proposer.nextBallot(), force: before.ballot.force }, record };
    voter.forced(chosen);
    this.#confirmed = chosen;
    this.#unsure = false;
    this.unsettled = null;
    this.parts.again();
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
      null,
      () => undefined,
    );
  }

  /**
   * One swap. `then` runs only when the change is known to be chosen. An unknown outcome leaves this member unsure:
   * it permits itself nothing new until it has read (rule *unknown swap*).
   */
  swap(
    change: Change,
    purpose: Purpose | null,
    then: (value: Versioned, everyone: boolean) => void,
    everyone = false,
  ): void {
    if (this.busy) return;
    this.#busy = true;
    this.parts.proposer.swap(change, everyone, (outcome) => {
      this.#busy = false;
      if (purpose !== null) this.#tell(purpose, outcome);
      this.#outcome(outcome, then);
      if (outcome.kind === 'unreachable' || outcome.kind === 'unknown') purpose?.alone?.();
    });
  }

  #tell({ event, text, failed }: Purpose, outcome: Outcome): void {
    if (outcome.kind === 'done') {
      this.changes.over(`${event}-not-recorded`);
      this.parts.audit(event, text(outcome.value.record), {
        epoch: String(outcome.value.record.epoch.n),
        version: String(outcome.value.record.version),
      });
      return;
    }
    const why =
      outcome.kind === 'refused'
        ? outcome.reason
        : outcome.kind === 'unknown'
          ? 'not confirmed by a majority, which is asked again'
          : 'no majority of the voters answers';
    this.changes.tell(`${event}-not-recorded`, why, `could not record "${event}": ${why}`);
    failed?.(outcome.kind === 'refused' ? `refused: ${outcome.reason}` : 'unreachable');
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
    if (outcome.kind === 'refused') {
      this.#unsure = true;
      // What was thought unsettled is not there any more: it has to be read, not tried again.
      this.unsettled = null;
    }
    this.parts.again();
  }

  /** The permission last written, by this life. */
  get permission(): Permission | null {
    return this.#permission;
  }

  /** Every change of kind or epoch is told; a deadline that only goes on is not. */
  permit(permission: Permission, why: string): void {
    const before = this.#permission;
    if (before !== null && same(before, permission)) return;
    this.#permission = permission;
    this.parts.site.permit(permission);
    const stops = permission.kind === 'deadline' && permission.ms === 0;
    const state = `${permission.kind}${stops ? '-stop' : ''} ${permission.epoch.n} ${permission.epoch.by}`;
    this.changes.tell(stops ? 'permission-stop' : 'permission', state, why);
    this.changes.over(stops ? 'permission' : 'permission-stop');
  }

  /** `voter` answered lately, is not about to leave, and holds the chosen record this member goes by, or a newer one. */
  holds(voter: string, withinMs: number): boolean {
    const { contacts, voter: own, self } = this.parts;
    if (voter === self) return own.state.sound;
    const ago = contacts.heardMsAgo(voter);
    if (ago === null || own.chosen === null || contacts.leaving(voter)) return false;
    return ago <= withinMs && contacts.holds(voter, own.chosen.ballot);
  }
}

function same(a: Permission, b: Permission): boolean {
  if (a.kind !== b.kind || !sameEpoch(a.epoch, b.epoch)) return false;
  if (a.kind === 'ended' || b.kind === 'ended') return true;
  if (a.resumed !== b.resumed) return false;
  return a.kind !== 'deadline' || (b.kind === 'deadline' && a.ms === b.ms);
}
const sameEpoch = (a: Epoch, b: Epoch): boolean => compareEpoch(a, b) === 0;
