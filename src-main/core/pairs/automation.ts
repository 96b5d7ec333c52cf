import type { Automation } from '../../contract/index.ts';
import type { Joined, JoinInput } from './inputs.ts';
import { leaseOf, namesOf, stepsIn } from './lease.ts';
import { obstaclesOf } from './obstacles.ts';

const UNLISTED = 'a host not in the list';

/** What the pair may do by itself, from the record and both members' leases. */
export function automationOf(joined: Joined, input: JoinInput): Automation {
  const { record, owner, standby } = joined;
  const names = namesOf(input.hosts);
  const lease = leaseOf(joined, names);
  const witness = record.voters.find((voter) => !record.members.includes(voter));
  const told = lease?.voters.find((voter) => voter.hostId === witness)?.name;
  // Of a silent host nobody knows what its guard does now.
  const guard = owner.reach === 'answers' ? owner.word?.lease.guard : undefined;
  return {
    policy: record.policy,
    profile: record.profile,
    armed: record.armed,
    paused: record.paused,
    maintenance: record.maintenance,
    // Protection begins with epoch 1.
    changes: Math.max(0, record.epoch.n - 1),
    lastChange: record.change,
    witness: witness === undefined ? null : { hostId: witness, name: names(witness, told ?? UNLISTED) },
    lease,
    guard: guard ? { hostId: owner.id, ...guard } : null,
    obstacles: obstaclesOf(joined),
    stepsIn: stepsIn(joined),
    quarantine: quarantineOf(joined, standby),
  };
}

function quarantineOf({ record }: Joined, { id, word }: Joined['standby']): Automation['quarantine'] {
  if (word?.local.kind !== 'quarantined') return null;
  const { since, ownEpoch, supersededBy } = word.local;
  return {
    hostId: id,
    since,
    ownEpoch: ownEpoch.n,
    supersededBy: supersededBy.n,
    forced: record.forced || supersededBy.by !== '',
  };
}
