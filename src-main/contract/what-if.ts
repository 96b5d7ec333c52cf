import {
  ALL_RULES,
  canBeStarted,
  compareRecord,
  countsAsWhole,
  majority,
  noSuccession,
  notTheCopy,
  type PairRecord,
  type RtoMeasure,
  secondsAtRisk,
} from '../../agent/protocol/index.ts';
import { vmKey } from './keys.ts';
import type { FleetSnapshot, HostView, PairView } from './views.ts';
import { fitIn, type HostRoom, roomOf } from './what-if-memory.ts';

/**
 * What becomes of a machine when hosts fail, all at the same moment.
 * `by-itself`: its standby starts it. `by-hand`: its copy can be started, a person has to decide. `down`: nothing brings
 * it back before a host returns. `frozen`: its host lives, but hears no other vote, so its guard stops it. `runs`: it
 * goes on, without a standby or without its automation (`why`).
 */
export type Fate = 'by-itself' | 'by-hand' | 'down' | 'frozen' | 'runs';

/** Why that is its fate: stable, for the words of each end. */
export type FateReason =
  | 'armed'
  | 'unarmed'
  | 'not-begun'
  | 'not-in-sync'
  | 'unclean'
  | 'no-majority'
  | 'both-hosts'
  | 'no-copy'
  | 'not-protected'
  | 'standby-lost'
  | 'witness-lost';

/** What would be missing from it: nothing, so many seconds of writes, or nobody can say (null). */
export type Loss = { kind: 'nothing' } | { kind: 'seconds'; seconds: number } | { kind: 'unknown' };

export interface Outcome {
  /** Unique: the pair's id, or the key of a machine without one. */
  key: string;
  pairId: string | null;
  vmUuid: string | null;
  name: string;
  /** Where it runs now. */
  from: string;
  /** Where it would come back; null where it does not. */
  to: string | null;
  fate: Fate;
  why: FateReason;
  /** Until it answers again, counted from the failure, ms, by this fleet's own measures; null: never measured, or a person decides. */
  afterMs: number | null;
  /** How long its start takes once it is ordered, as measured last; null: never. */
  measure: RtoMeasure | null;
  loss: Loss;
  /** What it needs where it would run. */
  memoryBytes: number;
  /** False: that host has not so much memory free. */
  fits: boolean;
}

export interface WhatIf {
  /** Hosts taken as failed: those asked for, and those that do not answer now. */
  failed: string[];
  /** Whatever is touched; by fate, then by time, then by name. */
  outcomes: Outcome[];
  /** Of every host that lives and would get something. */
  rooms: HostRoom[];
}

/** From the end of the voters' hold to the start order: the standby asks for the votes and opens the copy, ms. */
export const STEP_IN_MS = 600;

/** After how long an armed standby orders its machine's start: the votes' real hold, and its own part. */
export const stepsInAfterMs = (pair: PairView): number => (pair.automation.lease?.holdMs ?? 0) + STEP_IN_MS;

/** A host whose agent waits for a password is not down. */
export const isDown = (host: HostView | undefined): boolean =>
  host?.connection.state === 'offline' && host.connection.retryAt !== null;

/**
 * What the loss of these hosts (witness boxes too) would come to, by the rules that agents and verdict act by: succession,
 * votes and usable copies (agent/protocol/succession.ts), what is at risk and what was measured. `ownersNow`: what a host's
 * own clock says, ms.
 */
export function whatIf(
  fleet: FleetSnapshot,
  hostIds: readonly string[],
  ownersNow: (host: HostView | undefined) => number,
): WhatIf {
  const asked = new Set(hostIds.filter((id) => fleet.hosts[id] !== undefined));
  const failed = new Set(asked);
  for (const host of Object.values(fleet.hosts)) if (isDown(host)) failed.add(host.id);
  const pairs = Object.values(fleet.pairs).flatMap((pair) => {
    const touched = [pair.primary, pair.standby, ...voters(pair)].some((id) => asked.has(id));
    return touched ? outcomeOf(pair, { fleet, failed, asked, ownersNow }) : [];
  });
  const outcomes = [...pairs, ...unprotectedOn(fleet, asked)].sort(inOrder);
  // Those that need nobody are there before anybody has decided about the others.
  const coming = (['by-itself', 'by-hand'] as const).flatMap((fate) =>
    outcomes.filter((each) => each.fate === fate),
  );
  const rooms = fitIn(coming, (id) => roomOf(fleet.hosts[id]));
  return { failed: [...failed], outcomes, rooms };
}

interface Given {
  fleet: FleetSnapshot;
  failed: ReadonlySet<string>;
  asked: ReadonlySet<string>;
  ownersNow: (host: HostView | undefined) => number;
}

/** The newest record that any member showed: what the votes rest on. */
export function newestRecord(pair: PairView): PairRecord | null {
  return Object.values(pair.members)
    .map(({ status }) => status.record)
    .reduce<PairRecord | null>(
      (best, each) => (best === null || compareRecord(best, each) < 0 ? each : best),
      null,
    );
}

const voters = (pair: PairView): string[] => newestRecord(pair)?.voters ?? [pair.primary];

function outcomeOf(pair: PairView, given: Given): Outcome[] {
  const record = newestRecord(pair);
  if (record === null) return [];
  const workload = Object.values(pair.members)[0]?.status.spec.workload.uuid ?? null;
  const vm = workload === null ? undefined : given.fleet.vms[vmKey(pair.primary, workload)];
  const found = given.failed.has(pair.primary)
    ? whenOwnerFails(pair, record, given)
    : whenOthersFail(pair, record, given);
  // One that is switched off comes back from nothing.
  if (found === null || (vm && vm.vm.state === 'stopped')) return [];
  return [
    {
      key: pair.id,
      pairId: pair.id,
      vmUuid: workload,
      name: pair.name,
      from: pair.primary,
      measure: pair.objectives?.measure ?? null,
      memoryBytes: vm?.vm.memoryBytes ?? 0,
      fits: true,
      ...found,
    },
  ];
}

type Found = Pick<Outcome, 'to' | 'fate' | 'why' | 'afterMs' | 'loss'>;
const NOTHING: Loss = { kind: 'nothing' };

function whenOwnerFails(pair: PairView, record: PairRecord, given: Given): Found | null {
  if (!given.asked.has(pair.primary) && pair.health !== 'primary-lost') return null;
  const { standby } = pair;
  const nowhere = { to: null, afterMs: null, loss: NOTHING, fate: 'down' as const };
  if (given.failed.has(standby)) return { ...nowhere, why: 'both-hosts' };
  const copy = pair.members[standby]?.status;
  const usable = canBeStarted({
    // Of a standby that this console has not heard yet, what the owner says is all there is.
    record: copy?.record ?? record,
    newest: record,
    hasPoint: Boolean(copy?.point),
    restorePoints: pair.replication.points.length,
  });
  if (!usable) return { ...nowhere, why: 'no-copy' };
  const reason = refusedByItself(pair, record, given);
  const loss = lossOf(pair, record, given);
  if (reason !== null) return { to: standby, fate: 'by-hand', why: reason, afterMs: null, loss };
  return { to: standby, fate: 'by-itself', why: 'armed', afterMs: comesBackAfter(pair), loss };
}

/** Why its standby does not start it by itself; null when it does. */
function refusedByItself(pair: PairView, record: PairRecord, { failed }: Given): FateReason | null {
  const local = pair.members[pair.standby]?.status.local;
  const unclean = local?.kind === 'standby' && local.unclean === true;
  const no =
    noSuccession(record, pair.standby, ALL_RULES) ?? notTheCopy(record, unclean, { needClean: true });
  if (no !== null) return no === 'not-the-standby' ? 'unarmed' : (no as FateReason);
  return hasMajority(record, failed) ? null : 'no-majority';
}

function whenOthersFail(pair: PairView, record: PairRecord, { failed, asked }: Given): Found | null {
  const stays = { to: null, afterMs: null, loss: NOTHING, fate: 'runs' as const };
  // An armed owner runs its machine only under a lease of the majority.
  if (record.armed && !hasMajority(record, failed)) return { ...stays, fate: 'frozen', why: 'no-majority' };
  if (asked.has(pair.standby)) return { ...stays, why: 'standby-lost' };
  const witness = record.voters.find((id) => !record.members.includes(id));
  return record.armed && witness !== undefined && asked.has(witness)
    ? { ...stays, why: 'witness-lost' }
    : null;
}

const hasMajority = ({ voters: all }: PairRecord, failed: ReadonlySet<string>): boolean =>
  all.filter((id) => !failed.has(id)).length >= majority(all);

/** A takeover that happened was measured from the last word of the lost host; all else from its start order. */
function comesBackAfter(pair: PairView): number | null {
  const measure = pair.objectives?.measure ?? null;
  if (measure === null) return null;
  return measure.source === 'takeover' ? measure.ms : stepsInAfterMs(pair) + measure.ms;
}

function lossOf(pair: PairView, record: PairRecord, { fleet, ownersNow }: Given): Loss {
  const atRisk = pair.objectives?.atRisk ?? null;
  if (atRisk !== null && atRisk.kind !== 'unknown') {
    const seconds = secondsAtRisk(atRisk, ownersNow(fleet.hosts[pair.primary]));
    if (seconds === null) return { kind: 'unknown' };
    return seconds === 0 ? NOTHING : { kind: 'seconds', seconds };
  }
  return countsAsWhole(record) && record.replica.state === 'in-sync' ? NOTHING : { kind: 'unknown' };
}

function unprotectedOn(fleet: FleetSnapshot, asked: ReadonlySet<string>): Outcome[] {
  const taken = new Set(
    Object.values(fleet.pairs).flatMap((pair) =>
      Object.values(pair.members)
        .slice(0, 1)
        .flatMap(({ status }) =>
          [pair.primary, pair.standby].map((id) => vmKey(id, status.spec.workload.uuid)),
        ),
    ),
  );
  return Object.values(fleet.vms)
    .filter(({ hostId, vm }) => asked.has(hostId) && vm.state !== 'stopped')
    .filter(({ key }) => !taken.has(key))
    .map(({ key, hostId, vm }) => ({
      ...{ key, pairId: null, vmUuid: vm.uuid, name: vm.name, from: hostId, to: null },
      ...{ fate: 'down' as const, why: 'not-protected' as const, afterMs: null, measure: null },
      ...{ loss: NOTHING, memoryBytes: vm.memoryBytes, fits: true },
    }));
}

const NEVER = Number.MAX_SAFE_INTEGER;
const FATES: readonly Fate[] = ['frozen', 'down', 'by-hand', 'by-itself', 'runs'];

/** What needs somebody most comes first. */
function inOrder(a: Outcome, b: Outcome): number {
  return (
    FATES.indexOf(a.fate) - FATES.indexOf(b.fate) ||
    (a.afterMs ?? NEVER) - (b.afterMs ?? NEVER) ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
}
