import type { Hindrance, LeaseView } from '../protocol/index.ts';
import { hindrances } from './arming.ts';
import type { Contacts } from './contacts.ts';
import type { Member } from './member.ts';
import { otherMember, type Versioned } from './record.ts';
import type { Timing } from './timing.ts';

/** What a status shows of the lease; the agent adds names, numbers of its configuration and its guard. */
export type NodeView = Pick<LeaseView, 'leftMs' | 'heldMs' | 'known'> & {
  voters: { id: string; heardMsAgo: number | null; current: boolean }[];
  hindrances: Hindrance[];
};

interface Seen {
  self: string;
  now: number;
  timing: Timing;
  chosen: Versioned | null;
  contacts: Contacts;
  member: Member | null;
  /** End of the live owner's lease. */
  until: number;
  /** What is left of the own vote of the other member, ms. */
  votedMs: number | null;
  voted: string | null;
}

export function viewOf(seen: Seen): NodeView {
  const { chosen, self, now, timing, contacts, member, until } = seen;
  if (chosen === null) return { leftMs: null, heldMs: null, known: false, voters: [], hindrances: [] };
  const { record, ballot } = chosen;
  const owns = record.owner === self;
  const leased = owns && until > now;
  const recent = member === null || leased || now - member.readAt <= 2 * timing.leaseMs;
  const voters = record.voters.map((id) => ({
    id,
    heardMsAgo: id === self ? 0 : contacts.heardMsAgo(id),
    current: id === self || contacts.holds(id, ballot),
  }));
  return {
    leftMs: leased ? until - now : null,
    heldMs: otherMember(record, self) === record.owner && seen.voted === record.owner ? seen.votedMs : null,
    known: member !== null && (member.known() !== null || member.busy) && recent,
    voters,
    hindrances: member === null || record.armed ? [] : hindrances(member, record),
  };
}
