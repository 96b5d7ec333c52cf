import type { LocalCopy, PairStatus } from '../../../agent/protocol/index.ts';
import { compareRecord } from '../../../agent/protocol/index.ts';
import type { PairHealth, PairView, TaskView } from '../../contract/index.ts';
import * as attended from './attended.ts';
import { isAttended, mayHaveAll } from './attended.ts';
import { automationOf } from './automation.ts';
import { drillOf } from './drill.ts';
import type { Joined, JoinInput, Member, MemberWord } from './inputs.ts';
import { stepsIn } from './lease.ts';
import { objectivesOf } from './objectives.ts';
import { replicationOf } from './replication.ts';
import * as say from './sentences.ts';
import { verifyOf } from './verify.ts';

/** Stands for a member that is not in this console's list. */
const UNLISTED = 'its other host';

/** How long a finished failover or switchover is news. */
export const ON_STAGE_MS = 15 * 60_000;

/** A new owner closes its copy and starts the machine: longer than this it is in trouble. */
const BEGINNING_MS = 10_000;

interface Finding {
  health: PairHealth;
  /** Null: not known from the agents; kept from the view before, or now. */
  since: number | null;
  sentence: string;
}

/** Joins what both members say into one view: the newest record wins (docs/safety.md). */
export function joinPair(given: JoinInput): PairView {
  const input = withoutFormer(given);
  const joined = joinMembers(input);
  const finding = find(joined);
  const held = input.previous?.health === finding.health ? input.previous.since : input.now;
  return {
    id: joined.record.pairId,
    name: joined.machine,
    primary: joined.owner.id,
    standby: joined.standby.id,
    health: finding.health,
    sentence: capitalised(`${finding.sentence}${undefinedByHand(joined)}`),
    since: finding.since ?? held,
    members: Object.fromEntries(Object.entries(input.members).map(([id, word]) => [id, withoutLease(word)])),
    automation: automationOf(joined, input),
    drill: drillOf(joined),
    replication: replicationOf(joined),
    verify: verifyOf(joined),
    objectives: objectivesOf(joined),
    stale: joined.owner.reach !== 'answers' || joined.standby.reach !== 'answers',
    onStageSince: onStage(input, joined),
  };
}

/**
 * True when nobody reports the pair, or only a member that is silent while the owner answers and knows nothing of it:
 * protection ended meanwhile, and that member is told when it returns.
 */
export function hasEnded(members: JoinInput['members'], hosts: JoinInput['hosts']): boolean {
  const words = Object.values(members).map((member) => member.status);
  if (words.length === 0) return true;
  const { owner } = newestOf(words).record;
  if (members[owner] !== undefined || hosts[owner]?.reach !== 'answers') return false;
  return Object.keys(members).every((id) => hosts[id]?.reach !== 'answers');
}

const newestOf = (words: PairStatus[]): PairStatus =>
  words.reduce((a, b) => (compareRecord(b.record, a.record) > 0 ? b : a));

/** A host that another has replaced as the standby has no say, whatever it still believes. */
function withoutFormer(input: JoinInput): JoinInput {
  const { members } = newestOf(Object.values(input.members).map((word) => word.status)).record;
  const counted = Object.entries(input.members).filter(([id]) => members.includes(id));
  return { ...input, members: Object.fromEntries(counted) };
}

function joinMembers(input: JoinInput): Joined {
  const words = Object.values(input.members).map((member) => member.status);
  const newest = newestOf(words);
  const spec = words.reduce((a, b) => (b.spec.revision > a.spec.revision ? b : a)).spec;
  const { record } = newest;
  const [first, second] = record.members;
  const owner = memberOf(input, record.owner);
  // A trial of the copy, or a comparison, changes nothing of the machine.
  const beside = ['drill', 'verify'];
  const running =
    input.tasks.find(({ task }) => task.state === 'running' && !beside.includes(task.kind)) ?? null;
  return {
    machine: spec.workload.name,
    record,
    owner,
    standby: memberOf(input, record.owner === first ? second : first),
    mirror: owner.word?.local.kind === 'primary' ? owner.word.mirror : null,
    task: running?.task ?? null,
    destination: running ? memberOf(input, destinationOf(running, [first, second])) : owner,
    now: input.now,
  };
}

/** A failover runs on the host that takes over, a switchover on the one that hands over. */
function destinationOf({ hostId, task }: TaskView, [first, second]: [string, string]): string {
  if (task.kind !== 'switchover') return hostId;
  return hostId === first ? second : first;
}

function memberOf(input: JoinInput, id: string): Member {
  const sight = input.hosts[id] ?? { name: UNLISTED, reach: 'silent', silentSince: null };
  const word = input.members[id];
  return { ...sight, id, word: word?.status ?? null, leaseAt: word?.leaseAt ?? 0 };
}

/** What the lease says is joined in `automation`, and changes all the time. */
function withoutLease({ status, heardAt }: MemberWord): PairView['members'][string] {
  const { lease: _, ...rest } = status;
  return { status: rest, heardAt };
}

function onStage(input: JoinInput, joined: Joined): PairView['onStageSince'] {
  const moves = input.tasks
    .map(({ task }) => task)
    .filter((task) => (task.kind === 'failover' || task.kind === 'switchover') && task.state === 'done');
  const at = Math.max(0, cameByItself(input, joined), ...moves.map((task) => task.endedAt ?? 0));
  if (at === 0 || input.now - at > ON_STAGE_MS) return null;
  return { hostId: joined.owner.id, at };
}

/** When the machine came on stage without anybody's order; 0 when it did not. */
function cameByItself({ previous, now }: JoinInput, { record, owner }: Joined): number {
  if (record.change !== 'takeover') return 0;
  const before = previous?.onStageSince;
  if (before?.hostId === owner.id) return before.at;
  if (previous !== null) return previous.automation.changes < record.epoch.n - 1 ? now : 0;
  // This console was not there: until the next copy begins, the record says when the old one was given up.
  return record.replica.state === 'none' ? record.replica.since : 0;
}

function undefinedByHand(joined: Joined): string {
  const { reach, word } = joined.owner;
  const local = word?.local;
  const gone = reach === 'answers' && local?.kind === 'primary' && local.defined === false;
  return gone ? ` ${say.undefinedByHand(joined)}` : '';
}

/** The first that applies, the most urgent first. */
function find(joined: Joined): Finding {
  return (
    steppingIn(joined) ??
    lost(joined) ??
    returned(joined) ??
    moving(joined) ??
    standing(joined) ??
    mirrored(joined)
  );
}

/** The standby acts by itself in a moment: nobody needs to be asked. */
function steppingIn(joined: Joined): Finding | null {
  const coming = stepsIn(joined);
  if (coming === null) return null;
  return { health: 'stepping-in', since: coming.missingSince, sentence: say.steppingIn(joined, coming.at) };
}

function lost(joined: Joined): Finding | null {
  const { owner, standby } = joined;
  if (owner.reach !== 'silent') return null;
  if (standby.reach === 'silent') {
    const since = latest(owner.silentSince, standby.silentSince);
    return { health: 'unknown', since, sentence: say.neitherAnswers(joined) };
  }
  const hearing = standby.word?.peer;
  if (hearing?.reachable && hearing.hostId === owner.id) {
    const { state } = joined.record.replica;
    const entire = mayHaveAll(joined.record);
    const whole = entire ? ('in-sync' as const) : ('following' as const);
    const health = state === (entire ? 'in-sync' : 'stale') ? whole : 'not-in-sync';
    return { health, since: null, sentence: say.onlyThisConsoleIsCutOff(joined) };
  }
  return { health: 'primary-lost', since: owner.silentSince, sentence: say.primaryLost(joined) };
}

/** A host that came back and starts nothing by itself. */
function returned(joined: Joined): Finding | null {
  const { owner, standby } = joined;
  if (owner.word?.local.kind === 'waiting') {
    const { since, reason } = owner.word.local;
    // Who has just taken over waits for its own steps: that is no news before it takes long.
    if (!joined.record.begun && joined.now - since < BEGINNING_MS) return null;
    return { health: 'waiting', since, sentence: say.waiting(joined, reason) };
  }
  const aside = standby.word?.local;
  if (aside?.kind !== 'quarantined' || standby.reach === 'silent' || joined.task !== null) return null;
  return { health: 'quarantined', since: aside.since, sentence: say.quarantined(joined) };
}

function moving(joined: Joined): Finding | null {
  const { record, task } = joined;
  const move = task?.kind === 'failover' || task?.kind === 'switchover';
  if (move) return { health: 'stopped', since: task.startedAt, sentence: say.moving(joined) };
  return record.begun ? null : { health: 'stopped', since: null, sentence: say.notBegun(joined) };
}

/** The guest is down or frozen although its host answers, or the standby is away. */
function standing(joined: Joined): Finding | null {
  const { owner, standby, mirror, task } = joined;
  if (owner.word?.local.kind === 'primary' && owner.word.local.vm === 'frozen') {
    return { health: 'frozen', since: null, sentence: say.frozen(joined) };
  }
  const follows = mirror?.state === 'following' && mirror.problem === null;
  const copying = mirror?.state === 'copying' || mirror?.state === 'in-sync' || follows;
  if (standby.reach === 'silent' && !copying && mirror?.state !== 'held') {
    return { health: 'standby-lost', since: standby.silentSince, sentence: say.standbyLost(joined) };
  }
  if (task === null && isDown(owner.word?.local)) {
    return { health: 'stopped', since: null, sentence: say.stopped(joined) };
  }
  return null;
}

function isDown(local: LocalCopy | undefined): boolean {
  return local?.kind === 'primary' && local.vm === 'stopped';
}

/** A copy that is kept by points: as old as it may be, or older. */
function followed(joined: Joined): Finding {
  const { mirror, record } = joined;
  const alarm = mirror?.follow?.alarm ?? null;
  if (mirror?.state === 'following' && alarm !== 'missed')
    return {
      health: 'following',
      since: mirror.since,
      sentence: isAttended(record) ? attended.goesOn(joined) : say.following(joined),
    };
  if (mirror?.state === 'copying' || isCopied(joined))
    return { health: 'copying', since: mirror?.since ?? null, sentence: say.copying(joined) };
  if (isAttended(record))
    return { health: 'not-in-sync', since: record.replica.since, sentence: attended.troubled(joined) };
  if (record.replica.state === 'stale')
    return { health: 'behind', since: null, sentence: say.behind(joined) };
  return { health: 'not-in-sync', since: record.replica.since, sentence: say.notInSync(joined) };
}

const COPIES: readonly string[] = ['protect', 'resync', 'replace-standby', 'mode'];
const isCopied = ({ task }: Joined): boolean => task !== null && COPIES.includes(task.kind);

function mirrored(joined: Joined): Finding {
  const { mirror, task, record } = joined;
  if (!mayHaveAll(record)) return followed(joined);
  switch (mirror?.state) {
    case 'in-sync':
      if (record.replica.state === 'in-sync') {
        const sentence = isAttended(record) ? attended.whole(joined) : say.inSync(joined);
        return { health: 'in-sync', since: record.replica.since, sentence };
      }
      return { health: 'copying', since: mirror.since, sentence: say.copying(joined) };
    case 'held':
      return { health: 'held', since: mirror.since, sentence: say.held(joined) };
    case 'copying':
      return { health: 'copying', since: mirror.since, sentence: say.copying(joined) };
    default:
      if (task !== null && isCopied(joined))
        return { health: 'copying', since: task.startedAt, sentence: say.copying(joined) };
      return {
        health: 'not-in-sync',
        since: record.replica.since,
        sentence: isAttended(record) ? attended.troubled(joined) : say.notInSync(joined),
      };
  }
}

function latest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

/** For names that stand at the beginning in place of one not known. Machine and host names stay as they are. */
function capitalised(sentence: string): string {
  return sentence.startsWith(UNLISTED) ? `I${sentence.slice(1)}` : sentence;
}
