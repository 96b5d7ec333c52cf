import type { Mend, Obstacle } from '../../contract/index.ts';
import { isAttended, mayHaveAll } from './attended.ts';
import type { Joined, Member } from './inputs.ts';
import { clockTime } from './time.ts';

/** Kinds that this console knows to mend; any other is shown as its agent says it. */
const MENDS: Record<string, Mend> = {
  'policy-manual': 'policy',
  paused: 'resume',
  maintenance: 'maintenance',
  'no-witness': 'witness',
  'no-drill': 'drill',
  'not-in-sync': 'return',
  'guard-unfit': 'host',
  'voter-missing': 'host',
  'voter-behind': 'host',
  'voter-leaving': 'host',
};

/**
 * Why the pair is not armed: what the record itself says, in this console's words, and what the members add to it. The
 * same is said once.
 */
export function obstaclesOf(joined: Joined): Obstacle[] {
  if (joined.record.armed) return [];
  const own = ownFindings(joined);
  const said: Obstacle[] = [];
  for (const member of speakers(joined)) {
    for (const { kind, text } of member.word?.lease.hindrances ?? []) {
      if (own.some((each) => each.kind === kind)) continue;
      const same = said.find((each) => each.kind === kind && each.text === text);
      if (same) same.saidBy.push(member.name);
      else said.push({ ...obstacle(joined, kind, text, concerned(joined, text)), saidBy: [member.name] });
    }
  }
  return [...own, ...said];
}

/** The voter a sentence is about; without one, the owner. */
function concerned({ owner }: Joined, text: string): string {
  const voters = owner.word?.lease.voters ?? [];
  return voters.find(({ name }) => text.includes(name))?.hostId ?? owner.id;
}

/** A silent member's reasons are of yesterday. */
function speakers({ owner, standby }: Joined): Member[] {
  const live = [owner, standby].filter((member) => member.reach === 'answers');
  return live.length > 0 ? live : [owner];
}

function obstacle(joined: Joined, kind: string, text: string, hostId: string | null): Obstacle {
  const mend = MENDS[kind] ?? null;
  return {
    kind,
    text,
    saidBy: [],
    mend: mend === 'return' && isCopying(joined) ? null : mend,
    hostId: mend === 'host' ? hostId : null,
  };
}

/** A copy under way mends itself. */
function isCopying({ mirror, task }: Joined): boolean {
  const copies = ['protect', 'resync', 'replace-standby', 'mode'].includes(task?.kind ?? '');
  return copies || mirror?.state === 'copying' || mirror?.state === 'connecting';
}

function ownFindings(joined: Joined): Obstacle[] {
  const { record, machine, standby, owner, now } = joined;
  const found: Obstacle[] = [];
  const say = (kind: string, text: string, hostId: string | null = null): void => {
    found.push(obstacle(joined, kind, text, hostId));
  };
  if (record.policy !== 'automatic') say('policy-manual', 'It is set to manual: a person decides.');
  if (record.paused) say('paused', 'Automation is paused.');
  if (record.maintenance !== null) {
    const { until, reason } = record.maintenance;
    say('maintenance', `In maintenance until ${clockTime(until, now)}${reason ? `: ${reason}` : ''}.`);
  }
  if (record.voters.length < 3) {
    say('no-witness', 'It has no witness: two hosts alone cannot tell a lost host from a cut cable.');
  }
  if (!mayHaveAll(record)) {
    say(
      'mode',
      isAttended(record)
        ? 'Its replication is not synchronous: the copy lacks what was written last, and a person decides about a failover.'
        : 'Its copy is kept by points and lacks what was written since the last: a person decides about a failover.',
    );
  } else if (record.replica.state !== 'in-sync') {
    const why = isAttended(record) ? (joined.mirror?.problem?.message ?? null) : null;
    say('not-in-sync', why ?? `The copy of ${machine} on ${standby.name} is not complete.`);
  }
  const guard = owner.word?.lease.guard;
  if (guard && !guard.fit && owner.reach === 'answers') {
    const why = guard.why ?? 'it lacks something it needs';
    say('guard-unfit', `The guard on ${owner.name} is not ready: ${why}`, owner.id);
  }
  return found;
}
