import { type PairStatus, rpoStanding, secondsAtRisk } from '../protocol/index.ts';
import { type Condition, MINUTE, SECOND, type World } from './condition.ts';
import {
  cameHere,
  isBeingCopied,
  isProtected,
  loosesNothing,
  otherOf,
  storyOf,
  underMaintenance,
} from './pair-states.ts';
import { clockTime } from './quiet.ts';
import { spanWords } from './words.ts';

/** A machine that stands still: short freezes are how safety works, and go by themselves. */
const DOWN_RIPE_MS = 45 * SECOND;
/** Why it is not armed when that is somebody's wish, or follows from what is told already. */
const NO_ALARM = [
  'policy-manual',
  'mode',
  'paused',
  'maintenance',
  'no-drill',
  'not-in-sync',
  'hand-over',
  'not-begun',
];

type Rule = (status: PairStatus, world: World) => Condition | null;

/** What the owner of a machine has to tell of it. */
export const ownerConditions = (status: PairStatus, world: World): Condition[] =>
  RULES.flatMap((rule) => rule(status, world) ?? []);

const RULES: readonly Rule[] = [elsewhere, down, unprotected, notArmed, differs, targetMissed, askedByChange];

function base(status: PairStatus): Pick<Condition, 'pairId' | 'subject' | 'latched' | 'covers'> {
  const { pairId, workload } = status.spec;
  return { pairId, subject: workload.name, latched: false, covers: [] };
}

function elsewhere(status: PairStatus, world: World): Condition | null {
  if (!cameHere(status, world)) return null;
  const { pairId } = status.spec;
  const { change, replica } = status.record;
  const former = otherOf(status, world.self.hostId);
  const name = world.nameOf(former);
  const came = status.risk?.measures.find(({ source }) => source === 'takeover' || source === 'failover');
  const fresh = came !== undefined && came.at >= replica.since - MINUTE;
  const byItself = change === 'takeover';
  return {
    ...base(status),
    id: storyOf(status),
    kind: 'elsewhere',
    severity: byItself ? 'urgent' : 'soon',
    ripeMs: 0,
    latched: true,
    does: `runs on ${world.self.name} now`,
    doMany: `run on ${world.self.name} now`,
    details: [
      status.peer.reachable
        ? `Until then: on ${name}, which had stopped answering, and answers again.`
        : `Until then: on ${name}, which has not answered since ${clockTime(status.peer.since, world.now, world.zone)}.`,
      ...(byItself && loosesNothing(status) ? ['Every write that was confirmed is there.'] : []),
      ...(fresh
        ? [`Away for ${spanWords(came.ms)}${came.until === 'running' ? ' until it was started' : ''}.`]
        : []),
      replica.mode === 'shared'
        ? `Until ${name} is back no other host could start it: another failure would be an outage.`
        : `There is no copy until ${name} is back and was copied to: another failure would be an outage.`,
    ],
    next: `Nothing has to be decided now. When you can, bring ${name} back, or choose another standby.`,
    covers: [`silent:${former}`, `unprotected:${pairId}`, `target:${pairId}`, `unarmed:${pairId}`],
  };
}

/** Owned here, and not running though nobody stopped it. */
function down(status: PairStatus, world: World): Condition | null {
  const why = standsStill(status, world);
  if (why === null) return null;
  return {
    ...base(status),
    id: `down:${status.spec.pairId}`,
    kind: 'down',
    severity: 'urgent',
    ripeMs: DOWN_RIPE_MS,
    does: why.does,
    doMany: why.doMany,
    details: [why.detail],
    next: why.next,
    covers: [
      `unprotected:${status.spec.pairId}`,
      `target:${status.spec.pairId}`,
      `unarmed:${status.spec.pairId}`,
    ],
  };
}

interface Still {
  does: string;
  doMany: string;
  detail: string;
  next: string;
}

function standsStill(
  { local, mirror, spec, peer }: PairStatus,
  { self, crashed, nameOf }: World,
): Still | null {
  const other = nameOf(peer.hostId);
  if (local.kind === 'waiting')
    return {
      does: `does not run: ${self.name} may not start it`,
      doMany: `do not run: ${self.name} may not start them`,
      detail: `${capital(local.reason)}.`,
      next: `Bring ${other} back or, when you know that it does not run there, fail it over in the console.`,
    };
  if (local.kind !== 'primary') return null;
  if (local.vm === 'frozen')
    return {
      does: `is frozen on ${self.name}`,
      doMany: `are frozen on ${self.name}`,
      detail: `${self.name} hears too few of the others, so it might have been started elsewhere.`,
      next: `Mend the network between ${self.name} and the others: it goes on by itself then.`,
    };
  if (crashed.has(spec.workload.uuid))
    return {
      does: `has crashed on ${self.name} and does not run`,
      doMany: `have crashed on ${self.name} and do not run`,
      detail: 'It was started again as often as that makes sense.',
      next: `Look at its console on ${self.name}, then start it there.`,
    };
  if (mirror?.state === 'held')
    return {
      does: `waits on ${self.name}: ${other} does not confirm its writes`,
      doMany: `wait on ${self.name}: ${other} does not confirm their writes`,
      detail: mirror.problem?.message ?? 'Its disks do not answer meanwhile.',
      next: mirror.problem?.next ?? `Look at ${other} and at the network to it.`,
    };
  return null;
}

function unprotected(status: PairStatus, world: World): Condition | null {
  const { record, spec, peer, mirror } = status;
  if (!record.begun || isProtected(status) || underMaintenance(status, world.now)) return null;
  if (isBeingCopied(status, world.tasks)) return null;
  const other = world.nameOf(peer.hostId);
  const silent = `${other}, which keeps the copy, has not answered since ${clockTime(peer.since, world.now, world.zone)}.`;
  return {
    ...base(status),
    id: `unprotected:${spec.pairId}`,
    kind: 'unprotected',
    severity: 'soon',
    ripeMs: world.unprotectedMinutes * MINUTE,
    does: `has had no current copy for ${spanWords(world.unprotectedMinutes * MINUTE)}`,
    doMany: `have had no current copy for ${spanWords(world.unprotectedMinutes * MINUTE)}`,
    details: [peer.reachable ? (mirror?.problem?.message ?? `The copy on ${other} is not current.`) : silent],
    next: peer.reachable
      ? (mirror?.problem?.next ?? `Open the console and copy to ${other} again.`)
      : `Bring ${other} back, or choose another standby. A failure of ${world.self.name} would be an outage.`,
    covers: [
      `target:${spec.pairId}`,
      `unarmed:${spec.pairId}`,
      ...(peer.reachable ? [] : [`silent:${peer.hostId}`]),
    ],
  };
}

/** Automatic by somebody's wish, in sync, and yet a failure would wait for a person. */
function notArmed(status: PairStatus, world: World): Condition | null {
  const { record, lease, spec } = status;
  if (record.policy !== 'automatic' || record.armed || !record.begun) return null;
  if (record.paused || underMaintenance(status, world.now)) return null;
  const hindrance = lease.hindrances.find(({ kind }) => !NO_ALARM.includes(kind));
  if (hindrance === undefined) return null;
  return {
    ...base(status),
    id: `unarmed:${spec.pairId}`,
    kind: 'not-armed',
    severity: 'soon',
    ripeMs: Math.max(world.unprotectedMinutes, 5) * MINUTE,
    does: 'would not be failed over by itself',
    doMany: 'would not be failed over by themselves',
    details: [hindrance.text],
    next: 'Mend that: automation goes on by itself then. Until then a person has to decide about a failover.',
  };
}

function differs(status: PairStatus, world: World): Condition | null {
  const [last] = status.verify?.results ?? [];
  if (last?.outcome !== 'differs' || last.repairedAt !== null) return null;
  const other = world.nameOf(last.host);
  return {
    ...base(status),
    id: `differs:${status.spec.pairId}:${last.id}`,
    kind: 'copy-differs',
    severity: 'soon',
    ripeMs: 0,
    latched: true,
    does: `had a copy on ${other} that differs`,
    doMany: `had copies on ${other} that differ`,
    details: [
      `Bytes that were not alike: ${last.found?.differingBytes ?? 'not counted'}. The copy is being repaired.`,
    ],
    next: `Something outside of Understudy has changed the copy, or the disks of ${other} are ill: look at them.`,
  };
}

function targetMissed(status: PairStatus, world: World): Condition | null {
  const { spec, risk, record } = status;
  if (!spec.objectives || !record.begun || underMaintenance(status, world.now)) return null;
  const atRisk = risk?.atRisk ?? null;
  if (rpoStanding(spec.objectives, atRisk, world.now) !== 'missed') return null;
  const seconds = atRisk && secondsAtRisk(atRisk, world.now);
  return {
    ...base(status),
    id: `target:${spec.pairId}`,
    kind: 'target-missed',
    severity: 'soon',
    ripeMs: 2 * MINUTE,
    does: 'misses its target for lost writes',
    doMany: 'miss their targets for lost writes',
    details: [
      seconds === null
        ? 'A failure now would cost everything: there is no copy that could be started.'
        : `A failure now would cost the last ${spanWords(seconds * 1000)}; the target is ${spanWords((spec.objectives.rpoS ?? 0) * 1000)}.`,
    ],
    next: `Look at the copy in the console: ${status.mirror?.problem?.next ?? 'the network may be too slow for it, or the target too tight.'}`,
  };
}

/** Somebody changed the machine in a way that the copy cannot follow. */
function askedByChange(status: PairStatus): Condition | null {
  const ask = status.changes?.open?.ask ?? null;
  if (ask === null) return null;
  return {
    ...base(status),
    id: `change:${status.spec.pairId}`,
    kind: 'decision',
    severity: 'soon',
    ripeMs: 5 * MINUTE,
    does: 'was changed in a way that its copy cannot follow',
    doMany: 'were changed in a way that their copies cannot follow',
    details: [ask.message],
    next: ask.next,
  };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
