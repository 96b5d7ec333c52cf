import type { LeaseView } from '../../../agent/protocol/index.ts';
import type { Automation, LeaseSummary, VoterState } from '../../contract/index.ts';
import type { HostSight, Joined, Member } from './inputs.ts';

/** Renewals come every T / 3: after two of them did not come, and this long for the road, they are missed. */
const ROAD_MS = 400;
/** After the hold has run out the standby needs the votes; a person is asked when it did not get them in so many T. */
const ELECTION_LEASES = 3;

type Names = (hostId: string, told: string) => string;

export const namesOf =
  (hosts: Record<string, HostSight>): Names =>
  (hostId, told) =>
    hosts[hostId]?.name ?? told;

/** Who holds the lease until when, by the member that knows best, in this console's own time. */
export function leaseOf(joined: Joined, names: Names): LeaseSummary | null {
  const speaker = speakerOf(joined);
  const lease = speaker?.word?.lease;
  if (!speaker || !lease) return null;
  const saidAt = speaker.leaseAt;
  const held = speaker === joined.owner ? ownersWord(lease, saidAt) : standbysWord(lease, saidAt);
  return {
    holder: held === null ? null : joined.owner.id,
    renewedAt: held?.renewedAt ?? null,
    endsAt: held?.endsAt ?? null,
    leaseMs: lease.leaseMs,
    holdMs: lease.holdMs,
    known: lease.known,
    voters: votersOf(joined, names),
    saidBy: speaker.id,
    saidAt,
  };
}

/** The owner knows its own lease; of a silent owner the standby knows how long its own vote is still given away. */
function speakerOf({ owner, standby }: Joined): Member | null {
  const live = [owner, standby].find((member) => member.reach === 'answers' && member.word !== null);
  return live ?? [owner, standby].find((member) => member.word !== null) ?? null;
}

interface Held {
  renewedAt: number;
  endsAt: number;
}

function ownersWord({ leftMs, leaseMs }: LeaseView, saidAt: number): Held | null {
  if (leftMs === null || leftMs <= 0) return null;
  return { renewedAt: saidAt - Math.max(0, leaseMs - leftMs), endsAt: saidAt + leftMs };
}

function standbysWord({ heldMs, holdMs }: LeaseView, saidAt: number): Held | null {
  if (heldMs === null || heldMs <= 0) return null;
  return { renewedAt: saidAt - Math.max(0, holdMs - heldMs), endsAt: saidAt + heldMs };
}

/** Each voter as it was heard last by any member that answers. */
function votersOf(joined: Joined, names: Names): VoterState[] {
  const { owner, standby, record } = joined;
  const live = [owner, standby].filter((member) => member.reach === 'answers' && member.word !== null);
  const speakers = live.length > 0 ? live : [owner, standby].filter((member) => member.word !== null);
  return record.voters.map((hostId) => {
    const words = speakers.flatMap((member) =>
      (member.word?.lease.voters ?? [])
        .filter((voter) => voter.hostId === hostId)
        .map((voter) => ({ ...voter, at: heardAt(voter.heardMsAgo, member.leaseAt) })),
    );
    const best = words.sort((a, b) => (b.at ?? 0) - (a.at ?? 0))[0];
    return {
      hostId,
      name: names(hostId, best?.name ?? hostId),
      as: hostId === owner.id ? 'owner' : hostId === standby.id ? 'standby' : 'witness',
      heardAt: best?.at ?? null,
      current: best?.current ?? false,
    };
  });
}

const heardAt = (msAgo: number | null, saidAt: number): number | null =>
  msAgo === null ? null : saidAt - msAgo;

/** Nothing stands in the way of stepping in but the owner's lease. */
function isAutomatic({ record }: Joined): boolean {
  return record.armed && record.policy === 'automatic' && !record.paused && record.maintenance === null;
}

/** The standby has missed two renewals, or lost its link to the owner; it knows the record by a majority, and steps in when its vote is free again. */
export function stepsIn(joined: Joined): Automation['stepsIn'] {
  const { owner, standby, record, now } = joined;
  const lease = standby.word?.lease;
  if (!lease || standby.reach !== 'answers' || !isAutomatic(joined) || !record.begun || !lease.known)
    return null;
  if (ownerLives(owner)) return null;
  const passed = lease.holdMs - (lease.heldMs ?? 0);
  const { peer } = standby.word ?? {};
  const unreachable = peer?.hostId === owner.id && !peer.reachable;
  if (!unreachable && passed <= (lease.leaseMs * 2) / 3 + ROAD_MS) return null;
  const at = standby.leaseAt + (lease.heldMs ?? 0);
  if (now > at + ELECTION_LEASES * lease.leaseMs) return null;
  return { hostId: standby.id, at, missingSince: standby.leaseAt - passed };
}

/** It answers this console and holds a lease: only its way to the standby is cut, and the witness hears it. */
function ownerLives({ reach, word }: Member): boolean {
  return reach === 'answers' && (word?.lease.leftMs ?? 0) > 0;
}
