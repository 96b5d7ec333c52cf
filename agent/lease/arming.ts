import type { Hindrance } from '../protocol/index.ts';
import type { Member } from './member.ts';
import type { LeaseRecord } from './record.ts';
import { checkTiming, disarmAfterMs } from './timing.ts';
import { countsAsWhole, isTriedOut } from './transitions.ts';

/**
 * What stands in the way of arming, as this member sees it: stable kinds, the most telling first. The owner arms exactly
 * when the list is empty.
 */
export function hindrances(member: Member, record: LeaseRecord): Hindrance[] {
  const found: Hindrance[] = [];
  const add = (when: boolean, kind: string, text: string): void => {
    if (when) found.push({ kind, text });
  };
  const { maintenance, policy } = record;
  add(policy !== 'automatic', `policy-${policy}`, 'the pair is not set to fail over by itself');
  add(!countsAsWhole(record), 'mode', 'its copy is of a kind that lacks what was written last');
  add(record.paused, 'paused', 'all automation is paused');
  add(maintenance !== null, 'maintenance', `planned work: ${maintenance?.reason ?? ''}`);
  add(
    record.voters.length < 3,
    'no-witness',
    'there is no witness: two hosts alone cannot tell who is cut off',
  );
  add(
    !isTriedOut(record),
    'no-drill',
    'the copy has not been tried out, and nobody has decided to do without',
  );
  add(!record.begun, 'not-begun', 'the new owner has not begun yet');
  if (record.owner === member.parts.self) ofThisHost(member, record, add);
  else add(record.replica.state !== 'in-sync', 'not-in-sync', 'the copies are not in sync');
  return [...found, ...ofVoters(member, record)];
}

function ofThisHost(
  member: Member,
  record: LeaseRecord,
  add: (when: boolean, kind: string, text: string) => void,
): void {
  const { site, rules, timing } = member.parts;
  const whole = site.mirror() === 'whole' || !rules.completeCopy;
  add(record.replica.state !== 'in-sync' || !whole, 'not-in-sync', 'the copies are not in sync');
  add(site.guest() !== 'running', 'guest-not-running', 'the machine does not run');
  add(site.wanted() === 'leaving', 'hand-over', 'the machine is about to change sides');
  add(!site.guardFit(), 'guard-unfit', 'the guard cannot do its work on this host');
  const checked = checkTiming(timing);
  if (!checked.ok) add(true, 'hold-too-short', checked.problem.message);
}

function ofVoters(member: Member, record: LeaseRecord): Hindrance[] {
  const { self, timing, contacts } = member.parts;
  return record.voters.flatMap((voter): Hindrance[] => {
    const ago = contacts.heardMsAgo(voter);
    if (member.holds(voter, timing.leaseMs)) return [];
    if (contacts.leaving(voter))
      return [{ kind: `voter-leaving:${voter}`, text: `${voter} is about to leave` }];
    if (ago !== null && ago <= timing.leaseMs)
      return [{ kind: `voter-behind:${voter}`, text: `${voter} does not hold the newest record yet` }];
    if (voter === self) return [{ kind: `voter-behind:${voter}`, text: `${voter} has lost its history` }];
    return [{ kind: `voter-missing:${voter}`, text: `${voter} does not answer` }];
  });
}

/** Nothing but voters is missing: the owner asks for its lease, and so finds out about them. */
export const nearlyArmed = (found: readonly Hindrance[]): boolean =>
  found.every(({ kind }) => kind.startsWith('voter-'));

/** How long a voter other than the owner has been missing: rule *disarm before the next loss*. */
export class Missing {
  #since: number | null = null;
  /**
   * The owner's agent is about to be replaced. Its next life votes only after a silence of the longest lease held, if
   * one of the others is away: long enough for a second loss to freeze the machine, so one that is away now is enough.
   */
  soon = false;

  /** Why the owner has to disarm now; null while everybody is there or has not been away for long. */
  tooLong(member: Member, record: LeaseRecord): string | null {
    const { timing, now, contacts } = member.parts;
    const leaving = othersOf(member, record).find((voter) => contacts.leaving(voter));
    if (leaving !== undefined) return `${leaving} said that it leaves`;
    const missing = this.who(member, record);
    if (missing === undefined) {
      this.#since = null;
      return null;
    }
    this.#since ??= now();
    const ms = now() - this.#since;
    if (!this.soon && ms <= disarmAfterMs(timing)) return null;
    return `${missing} missing for ${Math.round((ms + timing.leaseMs) / 1000)} s`;
  }

  /** The first voter that does not answer now. */
  who(member: Member, record: LeaseRecord): string | undefined {
    return othersOf(member, record).find((voter) => !member.holds(voter, member.parts.timing.leaseMs));
  }

  reset(): void {
    this.#since = null;
  }
}

const othersOf = (member: Member, record: LeaseRecord): string[] =>
  record.voters.filter((voter) => voter !== member.parts.self);
